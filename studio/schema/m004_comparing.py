"""Comparing: libraries of real documents, costs of answers, the search for a prompt, grids, shared arrangements."""

SQL = """
-- texts, chunks and vectors lie in the library's folder, so that a deleted document leaves no word behind
alter table library add column settings json default '{}';  -- LibrarySettings of the engine
alter table document add column kind text default 'markdown';   -- what it was read as: pdf, docx, html ...
alter table document add column source text default '';     -- where it came from: an upload's name, a path
alter table document add column bytes bigint default 0;
alter table document add column pages integer default 0;    -- 0 where it has none
alter table document add column language text default '';   -- two letters, '' when nobody can tell
alter table document add column remarks json default '[]';  -- sentences about what could not be read of it
create table question (                 -- a question whose passage is known, to measure retrieval with
    library text not null,
    id text not null,                   -- content hash of question, document and passage
    question text not null,
    answer text not null,               -- '' when nobody wrote one
    document text not null,
    passage text not null,              -- words that stand in the document
    origin text not null,               -- '' by hand; else the file or the model that it came from
    status text not null,               -- proposed, approved, rejected
    made_by text not null,
    made_at timestamp not null,
    primary key (library, id)
);
create table refusal (                  -- a file that could not become a document of a library
    library text not null,
    name text not null,
    source text not null,               -- as in document
    why text not null,                  -- a sentence
    made_by text not null,
    made_at timestamp not null,
    primary key (library, name)
);
create table reading (                  -- a job for a library: its files are read, indexed, or asked about
    id text primary key,                -- the job's id
    library text not null,
    kind text not null,                 -- read, index, ask
    body json not null,                 -- what was wanted
    taken json,                         -- what came of it; null until somebody has looked
    made_by text not null,
    made_at timestamp not null
);
alter table candidate add column examples json default '[]';    -- messages shown before the conversation
alter table evaluation add column purpose text default 'comparison';    -- comparison, search, probe
alter table evaluation add column snapshot text default '';     -- whose split was asked; '' for other items
alter table evaluation add column split text default '';
alter table evaluation add column judge text default '';        -- the model that judges, '' for none
alter table response add column cost double;                    -- euros for tokens; null where time is paid
alter table response add column calls json default '[]';        -- tool calls
alter table response add column finish text default '';
alter table response add column kept boolean default false;     -- taken from an earlier, identical request
alter table response add column repeat integer default 0;       -- which answer of several to the same item
alter table response add column code text default '';           -- the kind of its failure, '' for none
alter table score add column detail json;                       -- what the score is made of, such as claims
create table baseline (                 -- a search for the best that a model can be told, within a budget
    id text primary key,
    name text not null,
    model text not null,
    body json not null,                 -- plan, stages with what was tried, what was chosen
    made_by text not null,
    made_at timestamp not null
);
create table grid (                     -- base and tuned, each with and without retrieval, on the same items
    id text primary key,
    name text not null,
    model text not null,                -- the tuned one
    body json not null,                 -- plan, baseline, the four candidates, evaluation and probe
    made_by text not null,
    made_at timestamp not null
);
create table arrangement (              -- what stands in the playground, for whoever has the link
    id text primary key,
    body json not null,                 -- candidates, questions, settings; answers if they were shared too
    made_by text not null,
    made_at timestamp not null
)
"""
