// A job in a word or two: what it does, and how far it is.
import type { Job } from "../answers.ts";
import { method } from "./format.ts";

export const isOver = (job: Job): boolean => job.state !== "queued" && job.state !== "running";

const TONES: Partial<Record<Job["state"], string>> = { succeeded: "good", failed: "bad", cancelled: "warn" };

export function JobState({ job }: { job: Job }) {
  const state = job.cancelling && !isOver(job) ? "being cancelled" : job.state;
  return <strong class={TONES[job.state] ?? ""}>{state}</strong>;
}

/** What the job is for, in words. */
export function purpose(job: Job): string {
  if (job.request.kind === "score") return `predictions for a table by version ${job.request.version ?? ""}`;
  if (job.request.kind === "register") return "registering a version made elsewhere";
  if (job.request.kind === "import") return "importing an ONNX model";
  return `training by ${method(job.request.algorithm ?? "a model")}`;
}

/** The phase, and its share where something is counted. */
export function progress(job: Job): string {
  if (isOver(job) || !job.phase) return "";
  return job.percentage === null ? job.phase : `${job.phase}, ${Math.floor(job.percentage)} %`;
}
