"""Schema: the tables, as named migrations applied once each, in order. Never edit one that has shipped; add the next.

Things that *are* (example, candidate, response) carry a content hash; things that *happen* (run, evaluation, judgement)
a short id that sorts by time. Rows are added, not rewritten; there are no foreign keys to rows that change.
"""

MIGRATIONS: dict[str, str] = {
    "m001_initial": """
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
    """,
    "m002_writing": """
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
    """,
    "m003_building": """
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
            rewards json not null,              -- list of engine.training.rewards
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
    """,
    "m004_comparing": """
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
    """,
}
