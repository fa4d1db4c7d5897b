// The desk: the turns of one conversation as text that can be typed into without waiting for the server.
//
// The words live here, in the page. After a short pause they are sent to the studio, which keeps them as a draft and
// says so by the stamp it has seen. Until then they also lie in the tab's own storage, so that a studio that was
// killed, or a page that was loaded anew, costs nothing. The studio gives other words only together with a new token;
// what was typed since the words it speaks of is put on top of them.

const PAUSE = 350, PATIENCE = 900, IDLE = 60, HEARTBEAT = 15
const FACES = { system: "System", user: "User", assistant: "Assistant", tool: "Tool" }
const desks = new WeakMap()

export default function (component) {
  const { parentElement } = component
  let desk = desks.get(parentElement)
  if (!desk) desks.set(parentElement, (desk = new Desk(parentElement)))
  desk.take(component)
  return () => { desk.close(); desks.delete(parentElement) }
}

class Desk {
  constructor(parent) {
    this.root = parent.querySelector(".desk")
    this.turns = []; this.tools = ""; this.token = null; this.stamp = 0; this.acked = 0; this.gone = null
    this.sent = new Map()  // what stood when, for words that were typed while the studio saved
    this.active = 0; this.told = 0; this.last = 0; this.wrote = false; this.mount = newId()
    this.alive = event => this.sign(event)
    this.keys = event => this.key(event)
    this.leaving = () => this.flush()
    for (const kind of ["keydown", "pointermove", "pointerdown", "wheel"])
      document.addEventListener(kind, this.alive, { passive: true, capture: true })
    document.addEventListener("keydown", this.keys, true)
    document.addEventListener("visibilitychange", this.leaving)
    window.addEventListener("pagehide", this.leaving)
    this.pulse = setInterval(() => this.beat(), 1000)
  }

  close() {
    for (const kind of ["keydown", "pointermove", "pointerdown", "wheel"])
      document.removeEventListener(kind, this.alive, { capture: true })
    document.removeEventListener("keydown", this.keys, true)
    document.removeEventListener("visibilitychange", this.leaving)
    window.removeEventListener("pagehide", this.leaving)
    clearInterval(this.pulse); clearTimeout(this.timer)
  }

  // what the studio says: words under a token, and the last stamp that it has kept
  take({ data, setStateValue, setTriggerValue }) {
    this.tell = setStateValue; this.call = setTriggerValue
    this.acked = Math.max(this.acked, data.acked || 0)
    if (data.token !== this.token) this.load(data)
    if (this.acked >= this.stamp) forget(this.drawer)
    this.say()
    if (data.focus && data.focus !== this.focused) {
      this.focused = data.focus
      const areas = this.root.querySelectorAll("textarea.words")
      areas[areas.length - 1]?.focus()
    }
  }

  load(data) {
    const drawer = "atelier-desk:" + data.drawer, first = drawer !== this.drawer  // another example than before
    const spilt = first ? recall(drawer) : null
    if (first) { this.stamp = this.acked = data.of || 0; this.wrote = false; this.sent.clear() }
    const before = this.sent.get(data.of)
    const dirty = !first && before && this.stamp > data.of
    let turns = data.turns, tools = data.tools
    if (spilt && spilt.sheet === data.sheet && spilt.stamp > (data.of || 0)) {
      turns = spilt.turns; tools = spilt.tools
    } else if (dirty) {
      turns = replay(JSON.parse(before).turns, this.turns, turns)
      if (this.tools !== JSON.parse(before).tools) tools = this.tools
    }
    const late = turns !== data.turns || tools !== data.tools
    this.token = data.token; this.sheet = data.sheet; this.drawer = drawer
    const same = !first && turns.length === this.turns.length &&
      turns.every((turn, n) => bare(turn) === bare(this.turns[n])) && tools === this.tools
    this.tools = tools
    if (same) this.turns.forEach((turn, n) => { turn.was = turns[n].was })  // the boxes on the page hold these very turns
    else { this.turns = turns.map(turn => ({ ...turn })); this.gone = null; this.draw() }
    if (late) this.typed(); else this.acked = Math.max(this.acked, this.stamp)
  }

  // ------------------------------------------------------------------ typing
  typed() {
    this.stamp = Math.max(Date.now(), this.stamp + 1); this.wrote = true
    remember(this.drawer, this.value())
    clearTimeout(this.timer)
    this.since ??= Date.now()
    this.timer = setTimeout(() => this.flush(), Math.max(0, Math.min(PAUSE, this.since + PATIENCE - Date.now())))
    this.say()
  }

  value() {
    return { stamp: this.stamp, sheet: this.sheet, token: this.token, turns: this.turns, tools: this.tools }
  }

  flush() {
    if (this.since === undefined) return
    clearTimeout(this.timer); this.since = undefined
    const value = JSON.stringify(this.value())
    this.sent.set(this.stamp, value)
    if (this.sent.size > 40) this.sent.delete(this.sent.keys().next().value)
    this.tell("typed", value)
  }

  say() {
    const line = this.root.querySelector(".kept")
    const late = this.stamp > this.acked && Date.now() - this.stamp > 6000
    line.textContent = !this.stamp ? "" : this.stamp <= this.acked ? "Kept as you type"
      : late ? "The studio does not answer. Your words stay in this window until it does." : "Keeping…"
    line.classList.toggle("late", late)
  }

  // ------------------------------------------------------------------ attention: seconds, never words
  sign(event) {
    const leaves = event.type === "pointerdown" && !this.root.contains(event.target)
    const commands = event.type === "keydown" && (event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape")
    const now = Date.now() / 1000
    if (this.last && now - this.last <= IDLE) this.active += now - this.last
    this.last = now
    if (leaves || commands) this.heard(2)  // the next thing may be another example
  }

  beat() {
    this.say()
    if (this.since === undefined) this.heard(HEARTBEAT)
  }

  heard(least) {
    if (this.active - this.told < least) return
    this.told = this.active
    this.tell("active", JSON.stringify({ mount: this.mount, seconds: Math.round(this.active), wrote: this.wrote }))
  }

  // ------------------------------------------------------------------ keys
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape") this.flush()
    if (!event.altKey || event.ctrlKey || event.metaKey) return
    const here = event.target.closest?.(".desk [data-turn]")
    const n = here ? +here.dataset.turn : this.turns.length - 1
    const does = { KeyI: () => this.add(n + 1), KeyZ: () => this.back(), PageUp: () => this.move(n, -1),
      PageDown: () => this.move(n, 1), Delete: () => this.remove(n), KeyL: () => this.learn(n) }[event.code]
    if (does) { event.preventDefault(); event.stopPropagation(); does() }
  }

  // ------------------------------------------------------------------ turns
  change(turns, focus) { this.turns = turns; this.draw(focus); this.typed(); this.flush() }

  add(at) {
    const before = this.turns[at - 1]?.role
    const role = at === 0 ? "system" : before === "user" || before === "tool" ? "assistant" : "user"
    this.gone = null
    this.change([...this.turns.slice(0, at), blank(role), ...this.turns.slice(at)], at)
  }

  remove(at) {
    if (this.turns.length === 1) return
    const [turn, turns] = [this.turns[at], this.turns.filter((_, n) => n !== at)]
    this.gone = { at, turn }
    this.change(turns, Math.min(at, turns.length - 1))
  }

  back() {
    if (!this.gone) return
    const { at, turn } = this.gone
    this.gone = null
    this.change([...this.turns.slice(0, at), turn, ...this.turns.slice(at)], at)
  }

  move(at, step) {
    const to = at + step
    if (to < 0 || to >= this.turns.length) return
    const turns = [...this.turns];
    [turns[at], turns[to]] = [turns[to], turns[at]]
    this.change(turns, to)
  }

  learn(at) {
    if (this.turns[at].role !== "assistant") return
    this.turns[at].learn = !this.turns[at].learn
    this.change(this.turns, at)
  }

  addCall(at) {
    const turn = this.turns[at], name = toolNames(this.tools)[0] || "name_of_the_tool"
    const calls = parsed(turn.calls) ?? []
    calls.push({ id: newId(), type: "function", function: { name, arguments: "{}" } })
    turn.calls = JSON.stringify(calls, null, 2)
    this.change(this.turns, at)
  }

  addTool() {
    const tools = parsed(this.tools) ?? []
    tools.push({ type: "function", function: { name: "name_of_the_tool", description: "", parameters:
      { type: "object", properties: {}, required: [] } } })
    this.tools = JSON.stringify(tools, null, 2)
    this.draw(); this.root.querySelector(".tools textarea").focus(); this.typed(); this.flush()
  }

  // ------------------------------------------------------------------ drawing
  draw(focus) {
    const list = this.root.querySelector(".turns")
    list.replaceChildren(...this.turns.flatMap((turn, n) => [this.card(turn, n)]))
    const gone = this.root.querySelector(".gone")
    gone.replaceChildren(...(this.gone ? [text("span", `A turn was removed. `),
      button("Bring it back", "Alt+Z", () => this.back())] : []))
    this.root.querySelector(".add").onclick = () => this.add(this.turns.length)
    this.root.querySelector(".add-tool").onclick = () => this.addTool()
    const box = this.root.querySelector(".tools"), area = box.querySelector("textarea")
    const known = toolNames(this.tools)
    box.querySelector("summary").textContent = known.length ? `Tools: ${known.join(", ")}` : "Tools"
    if (area.value !== this.tools) area.value = this.tools
    area.hidden = !this.tools
    area.oninput = () => { this.tools = area.value; wrong(area); grow(area); this.typed() }
    wrong(area); grow(area)
    if (focus !== undefined) this.root.querySelector(`[data-turn="${focus}"] textarea.words`)?.focus()
  }

  card(turn, n) {
    const card = element("div", { className: `spoken ${turn.role}-spoke` })
    card.dataset.turn = n
    const who = element("select", { ariaLabel: `Who speaks in turn ${n + 1}` })
    for (const role of Object.keys(FACES)) who.append(new Option(FACES[role], role, false, role === turn.role))
    who.onchange = () => { turn.role = who.value; this.change(this.turns, n) }
    const head = element("div", { className: "head" })
    head.append(who)
    if (turn.role === "assistant") {
      const label = element("label", { className: "learn", title: "Whether the model is trained on this answer (Alt+L)" })
      const box = element("input", { type: "checkbox", checked: turn.learn, ariaLabel: `Learn from turn ${n + 1}` })
      box.onchange = () => this.learn(n)
      label.append(box, "Learn from this answer")
      head.append(label)
    }
    const doors = element("span", { className: "doors" })
    doors.append(
      button("↑", `Move turn ${n + 1} up (Alt+Page Up)`, () => this.move(n, -1), n === 0),
      button("↓", `Move turn ${n + 1} down (Alt+Page Down)`, () => this.move(n, 1), n === this.turns.length - 1),
      button("+", `Add a turn after turn ${n + 1} (Alt+I)`, () => this.add(n + 1)),
      button("✕", `Remove turn ${n + 1} (Alt+Delete)`, () => this.remove(n), this.turns.length === 1))
    head.append(doors)
    card.append(head)
    if (turn.role === "tool") card.append(this.answers(turn, n))
    const words = area("words", `Words of turn ${n + 1}`, turn.content)
    words.placeholder = { system: "How the model shall behave", user: "What the customer says",
      assistant: "What the model shall answer", tool: "What the tool gives back" }[turn.role]
    words.oninput = () => { turn.content = words.value; grow(words); this.typed() }
    words.onblur = () => this.flush()
    card.append(words)
    if (turn.role === "assistant") card.append(...this.calls(turn, n))
    requestAnimationFrame(() => card.querySelectorAll("textarea").forEach(grow))
    return card
  }

  calls(turn, n) {
    const add = button("Add a tool call", "", () => this.addCall(n))
    add.className = "quiet"
    if (!turn.calls) return toolNames(this.tools).length ? [add] : []
    const calls = area("json", `Tool calls of turn ${n + 1}`, turn.calls), line = text("p", "", "wrong")
    calls.oninput = () => { turn.calls = calls.value; wrong(calls); grow(calls); this.typed() }
    calls.onblur = () => this.flush()
    requestAnimationFrame(() => wrong(calls))
    return [text("span", "Tool calls", "caption"), calls, line, add]
  }

  answers(turn, n) {
    const ids = this.turns.slice(0, n).flatMap(t => (parsed(t.calls) ?? []).map(call => [call.id, call.function?.name]))
    const which = element("select", { ariaLabel: `Which call turn ${n + 1} answers` })
    which.append(new Option("Which call does it answer?", "", false, !turn.call_id))
    if (turn.call_id && !ids.some(([id]) => id === turn.call_id)) ids.push([turn.call_id, turn.name])
    for (const [id, name] of ids) which.append(new Option(`${name ?? "call"} ${id}`, id, false, id === turn.call_id))
    which.onchange = () => {
      turn.call_id = which.value; turn.name = (ids.find(([id]) => id === which.value) ?? [])[1] ?? turn.name
      this.typed(); this.flush()
    }
    return which
  }
}

// ------------------------------------------------------------------ small things
function blank(role) { return { role, content: "", calls: "", call_id: "", name: "", learn: true, was: {} } }
function bare({ role, content, calls, call_id, name, learn }) {
  return JSON.stringify([role, content, calls, call_id, name, learn])
}
function element(tag, values) { return Object.assign(document.createElement(tag), values) }
function text(tag, textContent, className = "") { return element(tag, { textContent, className }) }
function button(label, title, onclick, disabled = false) {
  return element("button", { type: "button", textContent: label, title, ariaLabel: title || label, onclick, disabled })
}
function area(className, ariaLabel, value) {
  return element("textarea", { className, ariaLabel, value, rows: 1, spellcheck: className === "words" })
}
function grow(box) {
  if (CSS.supports("field-sizing", "content")) return
  box.style.height = "auto"; box.style.height = box.scrollHeight + 2 + "px"
}
function parsed(json) { try { const found = JSON.parse(json); return Array.isArray(found) ? found : null } catch { return null } }
function toolNames(json) { return (parsed(json) ?? []).map(tool => tool?.function?.name).filter(Boolean) }
function wrong(box) {
  const line = box.parentElement?.querySelector(".wrong")
  if (!line) return
  let said = ""
  if (box.value.trim()) try {
    if (!Array.isArray(JSON.parse(box.value))) said = "This must be a list: it starts with [ and ends with ]."
  } catch (error) { said = "This is not JSON yet: " + error.message }
  line.textContent = said; box.classList.toggle("bad", !!said)
}
function newId() {
  const signs = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
  return Array.from(crypto.getRandomValues(new Uint8Array(9)), n => signs[n % signs.length]).join("")
}
function remember(drawer, value) { try { sessionStorage.setItem(drawer, JSON.stringify(value)) } catch { /* full */ } }
function recall(drawer) { try { return JSON.parse(sessionStorage.getItem(drawer)) } catch { return null } }
function forget(drawer) { try { sessionStorage.removeItem(drawer) } catch { /* not allowed */ } }

// what was typed between `before` and `now`, put on top of `fresh`
function replay(before, now, fresh) {
  if (before.length !== now.length) return now
  if (fresh.length !== now.length) return fresh.concat(now.filter((turn, n) => bare(turn) !== bare(before[n])))
  return fresh.map((turn, n) => {
    const [old, typed] = [before[n].content, now[n].content]
    if (bare(before[n]) === bare(now[n])) return turn
    let head = 0, tail = 0
    while (head < old.length && head < typed.length && old[head] === typed[head]) head++
    while (tail < old.length - head && tail < typed.length - head && old.at(-1 - tail) === typed.at(-1 - tail)) tail++
    const put = typed.slice(head, typed.length - tail), words = turn.content
    const content = words.startsWith(old.slice(0, head)) ? words.slice(0, head) + put + words.slice(old.length - tail)
      : words.endsWith(old.slice(old.length - tail)) ? words.slice(0, words.length - tail) + put + words.slice(words.length - tail)
      : words + " " + put
    return { ...now[n], content, was: turn.was }
  })
}
