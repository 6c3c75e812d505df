// Brings a file: dropped on the page or chosen, sent straight to the store, with its progress.
import { useEffect, useRef, useState } from "preact/hooks";
import type { SignedUpload } from "../answers.ts";
import { ask, at, put } from "../service.ts";
import { hovering, useDropped } from "./dropped.ts";
import { Field } from "./field.tsx";
import { share, size } from "./format.ts";
import { NAME, NAME_HINT, NAMED, proposed } from "./names.ts";
import { Failure } from "./states.tsx";

const KINDS = ".csv,.tsv,.txt,.parquet,.jsonl,.ndjson,.json,.npy,.npz,.zip";

/** `name` is of the dataset that gets a newer upload; without it one is proposed. `taken` says which there are. */
export function Upload({ name, taken = [], done }: { name?: string; taken?: string[]; done: (dataset: string) => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [called, call] = useState(name ?? "");
  const [sent, setSent] = useState<number | null>(null);
  const [failure, fail] = useState<unknown>(null);
  const sending = useRef<AbortController | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const choose = (chosen: File | undefined) => {
    if (!chosen || sending.current) return;
    form.current?.closest("details")?.setAttribute("open", "");
    form.current?.scrollIntoView({ block: "nearest" });
    setFile(chosen);
    fail(null);
    if (name === undefined) call(proposed(chosen.name));
  };
  useDropped(choose);
  useEffect(() => () => sending.current?.abort(), []);
  const send = async () => {
    if (!file || !NAMED.test(called)) return;
    const controller = new AbortController();
    sending.current = controller;
    setSent(0);
    fail(null);
    try {
      const signed = await ask<SignedUpload>("POST", at`/v1/datasets/${called}:upload`, { signal: controller.signal });
      await put(signed.value, file, setSent, controller.signal);
      setFile(null);
      if (!controller.signal.aborted) done(called);
    } catch (error) {
      if (!controller.signal.aborted) fail(error);
    }
    sending.current = null;
    if (picker.current) picker.current.value = "";
    setSent(null);
  };
  const replaces = name === undefined && taken.includes(called);
  return (
    <form ref={form} class={hovering.value ? "drop over" : "drop"} onSubmit={event => { event.preventDefault(); void send(); }}>
      <p class="row">
        <label class="button second">
          Choose a file
          <input ref={picker} class="unseen" type="file" accept={KINDS} disabled={sent !== null}
            onChange={event => choose(event.currentTarget.files?.[0])} />
        </label>
        <span>{file ? <><strong>{file.name}</strong> · {size(file.size)}</> : "or drop one on this page."}</span>
      </p>
      {!file && <p class="soft">CSV, Parquet, JSON lines, NPY, or a zip of pictures with a folder for each class.</p>}
      {file && (
        <>
          {name === undefined && (
            <Field label="Name of the dataset"
              hint={replaces ? "There is one of this name: the file becomes its newest upload." : NAME_HINT}>
              {given => (
                <input {...given} value={called} required pattern={NAME} title={NAME_HINT} autocomplete="off" spellcheck={false}
                  disabled={sent !== null} onInput={event => call(event.currentTarget.value)} />
              )}
            </Field>
          )}
          {sent === null ? (
            <p key="send" class="row"><button type="submit">Upload</button></p>
          ) : (
            // Of another key, so that the button to stop does not become the one that sends, under the same click.
            <p key="sending" class="progress">
              <progress aria-label="Sent" max={1} value={sent} />
              <span>{share(sent)} of {size(file.size)}</span>
              <button type="button" class="second" onClick={() => sending.current?.abort()}>Stop</button>
            </p>
          )}
        </>
      )}
      {failure !== null && <Failure error={failure} />}
    </form>
  );
}
