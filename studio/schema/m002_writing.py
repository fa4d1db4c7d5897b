"""Writing: examples without an index, mending, drafts, comments, guides, looks at health, sides, makings."""

SQL = """
create table written (                  -- example anew, without an index: a million rows arrive at once
    seq bigint not null,                -- in which order versions arrived; an index follows by it
    place bigint not null,              -- seq of the entry's first version: where it stands in a list
    dataset text not null,
    entry text not null using compression uncompressed,  -- hash of its first version; found by in 5 ms, not 50
    version integer not null,           -- an edit adds the next one; (dataset, entry, version) is unique
    latest boolean not null,
    id text not null using compression uncompressed,     -- content hash of messages and tools
    messages json not null,
    tools json,
    tags text[] not null,
    grouped_by text not null,           -- examples of one group never part between splits; '' for none
    split text not null,                -- train, validation, test when the source says so; '' to be decided
    status text not null,               -- draft, in review, approved, rejected
    made_by text not null,
    source text not null,
    line integer not null,              -- of the source; 0 when written by hand
    origin text not null,               -- '' when people wrote it; else what made it, in words
    note text not null,
    words integer not null,             -- of the last answer
    made_at timestamp not null,
    worse json                          -- an answer known to be worse, as messages; null for none
);
insert into written
select row_number() over (order by made_at, source, line, version) as seq, 0, dataset, entry, version, latest,
       id, messages, tools, tags, grouped_by, split, status, made_by, source, line, '', note,
       len(string_split_regex(trim(coalesce(messages->-1->>'content', '')), '\\s+')), made_at, null
from example
order by seq;
update written set place = first.seq
from (select dataset, entry, min(seq) as seq from written group by dataset, entry) first
where written.dataset = first.dataset and written.entry = first.entry;
drop table example;
alter table written rename to example;

create table rejected (                 -- a row that could not become an example
    dataset text not null,
    source text not null,
    line integer not null,
    code text not null,
    why text not null,
    content text not null,              -- the row as it stood
    repair text not null,               -- the row as it could be; '' when nobody knows
    settled text not null,              -- '' while it waits; then mended, discarded
    made_at timestamp not null
);
insert into rejected
select dataset, source, line, code, why, content, '', case when mended then 'mended' else '' end, made_at
from reject;
drop table reject;
alter table rejected rename to reject;

create table mapping (                  -- which column is what, remembered for files of the same shape
    shape text primary key,             -- hash of the column names
    body json not null,
    made_by text not null,
    made_at timestamp not null
);
create table draft (                    -- what somebody is typing and has not saved
    dataset text not null,
    entry text not null,                -- '' for an example that does not exist yet
    made_by text not null,
    seen integer not null,              -- the version it started from, 0 for none
    body json not null,
    made_at timestamp not null,
    primary key (dataset, entry, made_by)
);
create table comment (                  -- what colleagues say to each other about an example
    dataset text not null,
    entry text not null,
    version integer not null,           -- the one that was looked at
    body text not null,
    made_by text not null,
    made_at timestamp not null
);
create table guide (                    -- a style guide in plain rules; the newest version of a dataset holds
    dataset text not null,
    version integer not null,
    body json not null,
    made_by text not null,
    made_at timestamp not null,
    primary key (dataset, version)
);
create table settled (                  -- two examples that say different things, and people want both
    dataset text not null,
    entry text not null,                -- the lesser of the two
    other text not null,
    why text not null,
    made_by text not null,
    made_at timestamp not null,
    primary key (dataset, entry, other)
);
create table scan (                     -- one look of a job at the health of a dataset
    id text primary key,                -- the job's id
    dataset text not null,
    upto bigint not null,               -- it saw the examples up to this seq
    summary json,                       -- its figures; null until it has ended well
    made_by text not null,
    made_at timestamp not null
);
create table finding (                  -- what a scan found at an example, or between two
    scan text not null,
    kind text not null,                 -- duplicate, contradiction, personal, secret ...
    entry text not null,
    other text not null,                -- the second example of a pair, '' for none
    score double not null,
    body json not null,
    seen text not null,                 -- content of the entry that was looked at; changed since: settled
    other_seen text not null
);
create table privacy (                  -- how much personal data a content holds; so nothing is scanned twice
    id text not null,                   -- the content hash
    detector text not null,             -- the version that looked
    kind text not null,                 -- email, iban, password ...; '' says that it was scanned
    n integer not null,
    made_at timestamp not null
);
create table placement (                -- the side of a group or an entry, decided once and for ever
    dataset text not null,
    key text not null,
    split text not null,
    made_at timestamp not null,
    primary key (dataset, key)
);
alter table snapshot add column plan json;  -- how it was split
create table making (                   -- one job that writes examples for people to judge
    id text primary key,                -- the job's id
    name text not null,
    dataset text not null,
    recipe text not null,
    model text not null,                -- who writes
    settings json not null,
    taken integer,                      -- drafts that were brought in; null until then
    made_by text not null,
    made_at timestamp not null
);
alter table model add column served text default '';    -- what an endpoint calls it, when not by its name
alter table model add column key_from text default '';  -- the environment variable that holds its key
create table attention (                -- active time that somebody gave an example
    made_by text not null,
    dataset text not null,
    entry text not null,
    deed text not null,                 -- write, review
    seconds double not null,
    made_at timestamp not null
);
create table preference (               -- what a member has switched on or off
    member text not null,
    name text not null,
    value text not null,
    made_at timestamp not null,
    primary key (member, name)
);
"""
