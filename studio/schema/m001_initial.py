"""The first tables: what is written, learned, asked and judged."""

SQL = """
create sequence event_id;
create table event (                    -- what was done, append-only; written by Store.write alone
    id bigint primary key default nextval('event_id'),
    made_by text not null,
    verb text not null,                 -- dataset.import, example.edit, run.launch ...
    subject text not null,
    detail json not null,
    made_at timestamp not null
);
create table member (
    name text primary key,
    role text not null,                 -- designer, evaluator, manager, engineer
    made_at timestamp not null
);
create table dataset (
    name text primary key,
    note text not null,
    made_by text not null,
    made_at timestamp not null
);
create table example (                  -- one version of one entry of a dataset
    dataset text not null,
    entry text not null,                -- where it stands: the hash of its first version
    version integer not null,           -- an edit adds the next one
    latest boolean not null,
    id text not null,                   -- content hash of messages and tools
    messages json not null,
    tools json,
    tags text[] not null,
    grouped_by text not null,           -- examples of one group never part between splits; '' for none
    split text not null,                -- train, validation, test when the source says so; '' to be decided
    status text not null,               -- draft, in review, approved, rejected
    made_by text not null,
    source text not null,
    line integer not null,              -- of the source; 0 when written by hand
    note text not null,
    made_at timestamp not null,
    primary key (dataset, entry, version)
);
create table reject (                   -- a line that could not become an example
    dataset text not null,
    source text not null,
    line integer not null,
    code text not null,
    why text not null,
    content text not null,
    mended boolean not null,
    made_at timestamp not null,
    primary key (dataset, source, line)
);
create table snapshot (
    id text primary key,                -- content hash of its files
    dataset text not null,
    train integer not null,
    validation integer not null,
    test integer not null,
    made_by text not null,
    made_at timestamp not null
);
create table run (
    id text primary key,                -- the job's id
    name text not null,
    base text not null,                 -- the model it starts from
    snapshot text not null,
    method text not null,
    settings json not null,
    made_by text not null,
    made_at timestamp not null
);
create table model (
    name text primary key,
    kind text not null,                 -- base, adapter, endpoint
    base text not null,                 -- the model below an adapter, '' for a base
    path text not null,                 -- folder, or URL of an endpoint
    run text not null,                  -- the run that made it, '' for none
    made_by text not null,
    made_at timestamp not null
);
create table library (
    name text primary key,
    made_by text not null,
    made_at timestamp not null
);
create table document (
    library text not null,
    name text not null,
    id text not null,                   -- content hash
    title text not null,
    text text not null,
    chunks integer not null,
    made_by text not null,
    made_at timestamp not null,
    primary key (library, name)
);
create table candidate (
    id text primary key,                -- content hash of all that changes an answer
    name text not null,
    model text not null,
    system text not null,
    library text not null,
    passages integer not null,
    decoding json not null,
    made_by text not null,
    made_at timestamp not null
);
create table evaluation (
    id text primary key,                -- the job's id
    name text not null,
    items text not null,                -- what was asked: snapshot or file, and the split
    candidates text[] not null,
    metrics text[] not null,
    made_by text not null,
    made_at timestamp not null
);
create table item (                     -- one test item of an evaluation
    evaluation text not null,
    id text not null,
    body json not null,                 -- messages and what is expected
    primary key (evaluation, id)
);
create table response (
    id text primary key,                -- hash of evaluation, candidate and item
    evaluation text not null,
    candidate text not null,
    item text not null,
    text text not null,
    model text not null,                -- the one that answered, in the server's own words
    passages json not null,
    tokens_in integer not null,
    tokens_out integer not null,
    seconds double not null,
    first_token_seconds double,
    error text not null,
    made_at timestamp not null
);
create table score (
    response text not null,
    metric text not null,
    value double,                       -- null when it cannot be told; `why` says why
    why text not null,
    primary key (response, metric)
);
create table pair (                     -- two responses to one item, to be judged blind
    id text primary key,                -- hash of the two responses
    evaluation text not null,
    item text not null,
    first text not null,                -- response ids, in the order of their candidates
    second text not null,
    made_at timestamp not null
);
create table judgement (
    id text primary key,
    pair text not null,
    judge text not null,
    shown_left text not null,           -- the response that stood on the left
    verdict text not null,              -- left, right, tie, both bad, skip
    note text not null,
    seconds double not null,
    made_at timestamp not null,
    unique (pair, judge)
);
create table price (                    -- dated; the newest row of a name holds
    name text not null,
    amount double not null,
    unit text not null,
    source text not null,
    made_by text not null,
    made_at timestamp not null
);
"""
