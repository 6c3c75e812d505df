// The frame around every page: who is asking, where one can go, and what is open.
import { useEffect, useState } from "preact/hooks";
import { AuditPage } from "./pages/audit.tsx";
import { Dataset } from "./pages/dataset.tsx";
import { Datasets } from "./pages/datasets.tsx";
import { Job } from "./pages/job.tsx";
import { Jobs } from "./pages/jobs.tsx";
import { ModelPage } from "./pages/model.tsx";
import { Models } from "./pages/models.tsx";
import { MonitoringPage } from "./pages/monitoring.tsx";
import { Try } from "./pages/try.tsx";
import { UsagePage } from "./pages/usage.tsx";
import { VersionPage } from "./pages/version.tsx";
import { Boundary } from "./parts/boundary.tsx";
import { hovering, useDropping } from "./parts/dropped.ts";
import { Failure, Loading } from "./parts/states.tsx";
import { SignIn, SignInAgain } from "./parts/sign-in.tsx";
import { Time } from "./parts/time.tsx";
import { place, to, type Place } from "./router.ts";
import { BASE, forget, Refused, whoami } from "./service.ts";
import { caller, ended, keep, key, may, type Caller } from "./session.ts";

const PAGES: { name: string; title: string; right: string }[] = [
  { name: "models", title: "Models", right: "read" },
  { name: "jobs", title: "Jobs", right: "train" },
  { name: "datasets", title: "Datasets", right: "train" },
  { name: "try", title: "Try it", right: "predict" },
  { name: "audit", title: "Changes", right: "admin" },
  { name: "usage", title: "Usage", right: "admin" },
];

export function App() {
  const [failure, fail] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const enter = () => setRound(count => count + 1);
  useEffect(() => {
    const leaving = new AbortController();
    fail(null);
    whoami(leaving.signal).then(
      told => {
        caller.value = told;
        ended.value = "";
      },
      error => {
        if (leaving.signal.aborted) return;
        if (ended.value) ended.value = (error as Error).message;
        else fail(error);
      },
    );
    return () => leaving.abort();
  }, [round]);
  if (failure instanceof Refused && failure.status === 401) return <SignIn reason={failure.message} enter={enter} />;
  if (failure) return <main><Failure error={failure} again={enter} /></main>;
  if (!caller.value) return <main><Loading /></main>;
  const leave = () => {
    keep("");
    forget();
    caller.value = null;
    enter();
  };
  // The page stays below, with what was written on it.
  return (
    <>
      <Frame who={caller.value} leave={leave} />
      <SignInAgain reason={ended.value} enter={enter} />
    </>
  );
}

function Frame({ who, leave }: { who: Caller; leave: () => void }) {
  const here = place.value;
  useEffect(() => {
    document.title = [...here.names.slice(0, 1), here.page, "serverless-ml"].join(" · ");
    document.getElementById("main")?.focus();
  }, [here.page, here.names.join("/")]);
  useDropping(may("train") ? () => { location.hash = to("datasets"); } : null);
  // The next page of a list begins at its top.
  useEffect(() => scrollTo(0, 0), [here.query.get("after")]);
  return (
    <>
      <a class="skip" href="#main" onClick={event => { event.preventDefault(); document.getElementById("main")?.focus(); }}>
        Skip to the page
      </a>
      <header class="bar">
        <a class="brand" href={to("models")}>
          serverless-ml
        </a>
        <nav aria-label="Console">
          {PAGES.filter(each => may(each.right)).map(each => (
            <a key={each.name} href={to(each.name)} {...(here.page === each.name ? { "aria-current": "page" as const } : {})}>
              {each.title}
            </a>
          ))}
          <a href={`${BASE}/docs`}>API</a>
        </nav>
        {key.value && (
          <p class="who">
            <span title={who.rights.join(", ")}>
              {who.roles.join(", ")} · {who.key}
            </span>{" "}
            {who.expires && <>· ends <Time at={who.expires} /> </>}
            <button type="button" class="link" onClick={leave}>
              Leave
            </button>
          </p>
        )}
      </header>
      <main id="main" tabIndex={-1} class={hovering.value ? "over" : ""}>
        <Boundary key={[here.page, ...here.names].join("/")}>
          <Page at={here} />
        </Boundary>
      </main>
    </>
  );
}

function Page({ at }: { at: Place }) {
  const [name, more] = at.names;
  if (at.page === "models" && may("read")) {
    if (name && more) return <VersionPage key={`${name}/${more}`} model={name} version={more} />;
    if (name) return <ModelPage key={name} name={name} query={at.query} />;
    return <Models query={at.query} />;
  }
  if (at.page === "jobs" && may("train")) return name ? <Job key={name} id={name} /> : <Jobs query={at.query} />;
  if (at.page === "datasets" && may("train")) {
    if (name) return <Dataset key={`${name}?${at.query}`} name={name} job={at.query.get("job")} />;
    return <Datasets query={at.query} />;
  }
  if (at.page === "monitoring" && name && may("inspect")) return <MonitoringPage key={name} model={name} query={at.query} />;
  if (at.page === "audit" && may("admin")) return <AuditPage query={at.query} />;
  if (at.page === "usage" && may("admin")) return <UsagePage query={at.query} />;
  // A key that may only predict has this page alone, and names its model.
  if (may("predict") && (at.page === "try" || (at.page === "models" && !name)))
    return <Try key={`${name}/${more}`} model={name ?? ""} version={more ?? null} />;
  const closed = (at.page === "monitoring" && !may("inspect")) || PAGES.some(each => each.name === at.page && !may(each.right));
  const open = PAGES.find(each => may(each.right));
  return (
    <div class="state empty">
      <h1>{closed ? "Not for this key" : "There is no such page"}</h1>
      {closed && <p>What this key may do does not include this page. To open it, leave, and enter another key.</p>}
      {open && <p><a href={to(open.name)}>Go to “{open.title}”</a></p>}
    </div>
  );
}
