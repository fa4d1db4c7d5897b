"""Building: sweeps, engines elsewhere, rewards, corpora, tags of models."""

SQL = """
update run set method = 'sft' where method = 'lora';     -- how weights move is a setting of its own now
alter table run add column engine text default '';       -- the engine that it runs on, '' for this machine
alter table run add column sweep text default '';        -- runs of one grid, or of several seeds, share it
alter table model add column tags text[] default [];
alter table model add column archived boolean default false;
create table engine (                   -- another machine, or Mistral's cloud, that can train
    name text primary key,
    kind text not null,                 -- atelier, mistral
    url text not null,
    key_from text not null,             -- the environment variable that holds its key
    made_by text not null,
    made_at timestamp not null
);
create table reward (                   -- what an answer is paid for, to be tried and then learned from
    name text primary key,
    rewards json not null,              -- list of engine.training.material.rewards
    made_by text not null,
    made_at timestamp not null
);
create table corpus (                   -- the documents of a library, frozen to be read on
    id text primary key,                -- content hash of its files
    library text not null,
    train integer not null,             -- documents
    validation integer not null,
    made_by text not null,
    made_at timestamp not null
)
"""
