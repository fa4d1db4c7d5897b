"""What in a text points at a person, opens a door or hurts; and stand-ins for it."""
