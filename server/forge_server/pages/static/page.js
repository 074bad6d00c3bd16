// What scripts add to the pages: keys, an explanation that follows the marks, and a number beside the slider. All of it
// also works without scripts, only less comfortably. This file is the whole script: there is no build step.
"use strict";
document.documentElement.classList.add("scripts");

const byId = (id) => document.getElementById(id);
const typing = (element) => element.matches("textarea, select, input:not([type=checkbox]):not([type=radio]):not([type=range])");

// Pairs of quotation marks that the grader knows (forge_server.pages.pieces has the same ones).
const quote = (text) => {
  const words = text.replace(/\.$/, "");
  const [before, behind] = [['"', '"'], ["\u201c", "\u201d"], ["`", "`"]]
    .find((pair) => !pair.some((mark) => words.includes(mark))) || ["", ""];
  return before + words + behind;
};

const explain = (type, answer, source) => {
  const says = [];
  if (answer.length) says.push("the answer says " + answer.map(quote).join(", "));
  if (source.length) says.push("the source says " + source.map(quote).join(", "));
  const text = says.join("; ");
  if (type) return text ? `${type}: ${text}.` : `${type}.`;
  return text ? text[0].toUpperCase() + text.slice(1) + "." : "";
};

function play(form) {
  const explanation = byId("explanation");
  const correction = byId("correction");
  const slider = byId("confidence");
  const selected = { answer: [], source: [] };
  const words = (box) => box.dataset.words ?? box.closest(".piece").querySelector(".words").textContent;
  const marked = (side) => [...form.querySelectorAll(`input[name=${side}]:checked`)].map(words).concat(selected[side]);
  const chosen = (name) => form.querySelector(`input[name=${name}]:checked`)?.value ?? "";

  // What the script writes for the marks. A text that a person has changed is another one, and is never overwritten.
  let written = explain(chosen("corruption"), marked("answer"), marked("source"));
  const write = () => {
    if (explanation.value !== written) return false;
    explanation.value = written = explain(chosen("corruption"), marked("answer"), marked("source"));
    return true;
  };
  const add = (text) => {
    explanation.value = `${explanation.value.trimEnd()} ${text}`.trimStart();
  };
  const change = (input) => {
    if (write()) return;
    if (input.name === "corruption") {
      const names = [...form.querySelectorAll("input[name=corruption]")].map((one) => one.value);
      const rest = explanation.value.replace(new RegExp(`^(${names.join("|")})(: |\\.?$)`), "");
      explanation.value = `${input.value}: ${rest}`;
    } else if (input.checked) {
      add(quote(words(input)));
    } else {
      explanation.value = explanation.value.replace(quote(words(input)), "").replace(/ {2,}/g, " ").trim();
    }
  };

  const sure = () => { byId("sure").textContent = `${slider.value}%`; };
  const go = (side, by) => {
    const boxes = [...byId(side).querySelectorAll("input")];
    const at = boxes.indexOf(document.activeElement);
    const to = boxes[at < 0 ? 0 : Math.min(boxes.length - 1, Math.max(0, at + by))];
    to?.focus();
    to?.closest(".piece").scrollIntoView({ block: "nearest" });
  };
  const side = () => document.activeElement.closest(".pieces")?.id ?? "answer";
  const tick = (input) => { if (input && !input.checked) input.click(); };
  const corrupted = (then) => { tick(byId("corrupted")); then?.focus(); };
  const quoteSelection = () => {
    const selection = getSelection();
    const from = selection.anchorNode?.parentElement?.closest(".pieces")?.id;
    // The numbers of the pieces stand between the words, but are no part of them.
    const text = selection.toString().trim();
    if (!from || !text) return;
    corrupted();
    selected[from].push(text);
    if (!write()) add(quote(text));
    selection.removeAllRanges();
  };

  const keys = {
    a: () => go("answer", 0),
    s: () => go("source", 0),
    j: () => go(side(), 1),
    k: () => go(side(), -1),
    m: () => { if (document.activeElement.closest(".piece")) document.activeElement.click(); },
    q: quoteSelection,
    h: () => { const part = byId("reasoning"); if (part) part.open = !part.open; },
    p: () => byId("question")?.focus(),
    c: () => corrupted(),
    r: () => tick(byId("right")),
    e: () => corrupted(explanation),
    f: () => corrupted(correction),
    "-": () => { slider.stepDown(5); sure(); },
    "+": () => { slider.stepUp(5); sure(); },
    "=": () => { slider.stepUp(5); sure(); },
  };
  form.querySelectorAll("input[name=corruption]").forEach((input, number) => {
    keys[number + 1] = () => { corrupted(); tick(input); input.focus(); };
  });

  form.addEventListener("change", (event) => {
    if (["answer", "source", "corruption"].includes(event.target.name)) change(event.target);
  });
  slider.addEventListener("input", sure);
  // A click that ends a selection of words shall not mark the piece.
  form.addEventListener("click", (event) => {
    if (event.target.closest(".piece") && event.detail > 0 && getSelection().toString()) event.preventDefault();
  });
  form.addEventListener("keydown", (event) => {
    // Otherwise Enter on a radio button would press the first button of the form, which asks the Worker.
    if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) return;
      if (event.target.id === "question") byId("ask").click();
      else if (event.target.type === "checkbox") event.target.click();
    }
  });
  form.addEventListener("submit", () => form.classList.add("sent"));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("submit").click();
  });
  sure();
  return keys;
}

const form = byId("play");
const keys = form ? play(form) : {};
const single = byId("single-keys");
try {
  if (single) single.checked = localStorage.getItem("single-keys") !== "off";
  single?.addEventListener("change", () => localStorage.setItem("single-keys", single.checked ? "on" : "off"));
} catch {
  // A browser that keeps nothing: the choice holds for this page only.
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.activeElement.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || (single && !single.checked)) return;
  if (event.key === "?" && byId("keys")) byId("keys").open = !byId("keys").open;
  const press = keys[event.key] ?? (() => document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click());
  if (Object.hasOwn(keys, event.key)) event.preventDefault();
  press();
});

// The pages Live and Runs bring themselves up to date while somebody looks at them, but not while the focus is in what
// would be replaced. The server has escaped all texts of the new page too.
const follow = byId("follow");
if (follow) {
  const following = () => follow.checked && !document.hidden && !byId("live").contains(document.activeElement);
  setInterval(async () => {
    if (!following()) return;
    try {
      const answer = await fetch(location.href);
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
      // Asked again, because the focus may have moved while the answer was on its way.
      if (!fresh || !following()) return;
      const open = [...byId("live").querySelectorAll("details")].map((part) => part.open);
      fresh.querySelectorAll("details").forEach((part, number) => { part.open = open[number] ?? part.open; });
      byId("live").replaceWith(fresh);
    } catch {
      // The server is away. The numbers stay as they are until it answers again.
    }
  }, 1000 * (follow.dataset.seconds ?? 3));
}
