/** CodeMirror, set up once: the languages of scripts, our colours, Ctrl-S. Loaded when a file is edited. */

import { autocompletion, closeBrackets } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { markdown } from "@codemirror/lang-markdown";
import { python } from "@codemirror/lang-python";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, StreamLanguage, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { julia } from "@codemirror/legacy-modes/mode/julia";
import { r } from "@codemirror/legacy-modes/mode/r";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export interface TextEditor {
  text: () => string;
  replace: (text: string) => void;
  close: () => void;
}

interface Options {
  text: string;
  name: string;
  label: string;
  readOnly: boolean;
  onChange: () => void;
  onSave: () => void;
}

export function openEditor(parent: HTMLElement, options: Options): TextEditor {
  const view = new EditorView({ parent, state: stateOf(options) });
  view.focus();
  return {
    text: () => view.state.doc.toString(),
    replace: (text) => view.setState(stateOf({ ...options, text })),
    close: () => view.destroy(),
  };
}

function stateOf({ text, name, label, readOnly, onChange, onSave }: Options): EditorState {
  const save = { key: "Mod-s", run: () => (onSave(), true), preventDefault: true };
  return EditorState.create({
    doc: text,
    extensions: [
      lineNumbers(),
      history(),
      drawSelection(),
      indentOnInput(),
      bracketMatching(),
      closeBrackets(),
      autocompletion(),
      highlightActiveLine(),
      highlightSelectionMatches(),
      indentUnit.of("    "),
      keymap.of([save, ...defaultKeymap, ...historyKeymap, ...searchKeymap, indentWithTab]),
      EditorState.readOnly.of(readOnly),
      EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
      EditorView.updateListener.of((update) => update.docChanged && onChange()),
      syntaxHighlighting(COLOURS),
      LOOK,
      languageOf(name, text),
    ],
  });
}

function languageOf(name: string, text: string): Extension {
  const end = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  const made = BY_END[end];
  if (made) return made();
  if (/^#!.*\bpython/.test(text)) return python();
  return text.startsWith("#!") ? StreamLanguage.define(shell) : [];
}

const shellScript = () => StreamLanguage.define(shell);

const BY_END: Record<string, () => Extension> = {
  py: python,
  ipynb: json,
  json,
  js: javascript,
  ts: () => javascript({ typescript: true }),
  md: markdown,
  yaml,
  yml: yaml,
  r: () => StreamLanguage.define(r),
  jl: () => StreamLanguage.define(julia),
  toml: () => StreamLanguage.define(toml),
  sh: shellScript,
  bash: shellScript,
  sbatch: shellScript,
  slurm: shellScript,
};

/** Few colours, the page's own, so that both themes hold. */
const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--accent)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--done)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--failed)" },
  { tag: [tags.comment, tags.meta], color: "var(--muted)" },
  { tag: [tags.heading, tags.definition(tags.variableName), tags.function(tags.variableName)], fontWeight: "600" },
]);

const LOOK = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "var(--page)", fontSize: "13px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px" },
  ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--muted)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent-soft) 50%, transparent)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-soft)" },
  ".cm-panels": { backgroundColor: "var(--panel)", color: "var(--text)", borderTop: "1px solid var(--line)" },
  ".cm-searchMatch": { backgroundColor: "var(--failed-soft)", outline: "1px solid var(--failed)" },
  ".cm-tooltip": { backgroundColor: "var(--page)", color: "var(--text)", border: "1px solid var(--line)" },
});
