-- Which files in the store are an attachment's, asked across sellers by the sweep (decision 0012). No index serves it: each
-- begins with the seller, so the sweep asks for many files at a time and the table is gone through once for all of them.

-- An archive's files are put into the store before their rows are written, under ids that begin with the moment at which
-- the import was made, in milliseconds (12 hexadecimal digits after attachments/att_). Only a file that was put there by
-- an archive of this database, and one that has ended, can be known to be nobody's: a copy of this database (restored
-- from a backup, or to try something out) may share the store with the one that goes on, and knows nothing of what came
-- later. A millisecond more or less is what two ways of rounding come to.
create function attachments_kept(p_keys text[]) returns setof text
    language sql stable security definer set search_path = pg_catalog, public as $$
    with archives as materialized (
        select lpad(to_hex(floor(extract(epoch from i.created_at) * 1000)::bigint + apart), 12, '0') as made,
               bool_and(i.finished_at is not null) as is_over
          from public.imports i, generate_series(-1, 1) as apart
         where i.kind = 'attachments'
         group by 1)
    select k.file_key from unnest(p_keys) as k(file_key)
      left join archives a on a.made = substr(k.file_key, 17, 12)
     where a.is_over is not true
        or exists (select 1 from public.stored_files f where f.file_key = k.file_key) $$;
comment on function attachments_kept is 'Which of these files are an attachment''s, or may be one''s: all but those that an import of an archive left behind. Names only.';
