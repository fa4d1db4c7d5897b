"""Rulings: what people say of the claims that a judge has judged, and the scores that come of it."""

SQL = """
alter table score rename to score_alone;    -- what the job gave; no person has had a say in it
create table ruling (                   -- what a person says of a claim of an answer; rows are only ever added
    evaluation text not null,
    response text not null,
    claim text not null,                -- content hash: the claim, its answer, and the passages it is held against
    verdict text not null,              -- supported, contradicted, not_in_context, cannot_tell; '' takes back
    passage integer not null,           -- the one that holds it, from 1; 0 for none
    why text not null,                  -- a word by the person, '' for none
    drawn boolean not null,             -- the claim was drawn by chance, and the judge's verdict was not shown
    made_by text not null,
    made_at timestamp not null
);
create table score_ruled (              -- the scores of answers that people have ruled on, reckoned by the engine
    response text not null,
    metric text not null,
    value double,
    why text not null,
    detail json,                        -- with the judge's own verdict beside each that a person has given
    primary key (response, metric)
);
create view score as                    -- what holds: with people's verdicts where there are any
select a.response, a.metric, case when r.response is null then a.value else r.value end as value,
       coalesce(r.why, a.why) as why, coalesce(r.detail, a.detail) as detail
from score_alone a
left join score_ruled r on r.response = a.response and r.metric = a.metric
"""
