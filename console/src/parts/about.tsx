// What people say of a model or a version: a description, and tags.
import { useEffect, useRef, useState } from "preact/hooks";
import { against, elsewhere } from "./faults.ts";
import { Field } from "./field.tsx";
import { useRefocus } from "./refocus.ts";
import { Failure, sentence } from "./states.tsx";
import { ask, Refused } from "../service.ts";
import { may } from "../session.ts";
import type { Words } from "../answers.ts";

interface Described {
  description?: string | null;
  tags?: Words;
  about_etag?: string;
}

/** Description and tags: nothing where the service knows none of them. */
export function About({ model, path, again }: { model: Described; path: string; again: () => void }) {
  const [open, setOpen] = useState(false);
  const edit = useRef<HTMLButtonElement>(null);
  useRefocus(edit, open);
  if (model.tags === undefined) return null;
  const tags = Object.entries(model.tags);
  if (open) return <Editing model={model} path={path} done={() => { setOpen(false); again(); }} cancel={() => { setOpen(false); again(); }} />;
  return (
    <section aria-label="Description">
      {model.description && <p class="description">{model.description}</p>}
      {tags.length > 0 && <ul class="tags">{tags.map(([name, value]) => <li key={name}>{name}{value && `: ${value}`}</li>)}</ul>}
      {may("train") && (
        <button ref={edit} type="button" class="link" onClick={() => setOpen(true)}>{model.description || tags.length ? "Edit" : "Describe it"}</button>
      )}
    </section>
  );
}

function Editing({ model: newest, path, done, cancel }: { model: Described; path: string; done: () => void; cancel: () => void }) {
  // As it was when the form was opened: what changes meanwhile must not be overwritten unseen.
  const [model] = useState(newest);
  const before = model.tags ?? {};
  const [description, describe] = useState(model.description ?? "");
  const [lines, write] = useState(Object.entries(before).map(([name, value]) => (value ? `${name}: ${value}` : name)).join("\n"));
  const [failure, fail] = useState<unknown>(null);
  const first = useRef<HTMLTextAreaElement>(null);
  useEffect(() => first.current?.focus(), []);
  const save = async () => {
    fail(null);
    const tags: Record<string, string | null> = Object.fromEntries(Object.keys(before).map(name => [name, null]));
    for (const line of lines.split("\n")) {
      const [name = "", ...value] = line.split(":");
      if (name.trim()) tags[name.trim()] = value.join(":").trim();
    }
    try {
      const headers: Record<string, string> = model.about_etag ? { "if-match": `"${model.about_etag}"` } : {};
      await ask("PATCH", path, { body: { description: description.trim() || null, tags }, headers });
      done();
    } catch (error) {
      fail(error);
    }
  };
  const faults = failure instanceof Refused ? failure.faults : [];
  const lost = failure instanceof Refused && failure.status === 412;
  const told = (place: string) => against(faults, place).map(sentence);
  return (
    <form onSubmit={event => { event.preventDefault(); void save(); }}>
      <Field label="Description" faults={told("$.description")}>
        {given => <textarea {...given} ref={first} rows={3} value={description} onInput={event => describe(event.currentTarget.value)} />}
      </Field>
      <Field label="Tags" hint="One a line, such as team: sales" faults={told("$.tags")}>
        {given => <textarea {...given} rows={3} value={lines} onInput={event => write(event.currentTarget.value)} />}
      </Field>
      <p class="row">
        <button type="submit">Save</button>
        <button type="button" class="second" onClick={cancel}>Leave it as it is</button>
      </p>
      {lost ? (
        <p class="bad" role="alert">Somebody else changed it meanwhile, and nothing was saved. Copy what you wrote, leave this form, and open it again.</p>
      ) : (
        failure !== null && (!faults.length || elsewhere(faults, ["$.description", "$.tags"]).length > 0) && <Failure error={failure} />
      )}
    </form>
  );
}
