-- Which files in the store are an attachment's, asked across sellers by the sweep (decision 0012). No index serves it: each
-- begins with the seller, so the sweep asks for many files at a time and the table is gone through once for all of them.

-- An archive's files are put into the store before their rows are written, under ids that begin with the moment at which
-- the import was made, in milliseconds (12 hexadecimal digits after attachments/att_): what an import under way may still
-- refer to is kept. A millisecond more or less is what two ways of rounding come to.
create function attachments_kept(p_keys text[]) returns setof text
    language sql stable security definer set search_path = pg_catalog, public as $$
    select k.file_key from unnest(p_keys) as k(file_key)
     where exists (select 1 from public.stored_files f where f.file_key = k.file_key)
        or exists (
           select 1 from public.imports i, generate_series(-1, 1) as apart
            where i.kind = 'attachments' and i.finished_at is null
              and substr(k.file_key, 17, 12)
                  = lpad(to_hex(floor(extract(epoch from i.created_at) * 1000)::bigint + apart), 12, '0')) $$;
comment on function attachments_kept is 'Which of these files are an attachment''s, or may become one''s while an import is under way. Names only.';
