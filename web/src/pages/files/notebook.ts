/** A notebook's cells as texts. Of its outputs only what is plain text: the rest could bring programs along. */

export interface Cell {
  code: boolean;
  number: number | null;
  source: string;
  outputs: string[];
}

/** null: it is no notebook. */
export function cellsOf(text: string): Cell[] | null {
  try {
    const cells = (JSON.parse(text) as { cells?: unknown }).cells;
    return Array.isArray(cells) ? cells.map((cell) => cellOf(cell as Record<string, unknown>)) : null;
  } catch {
    return null;
  }
}

function cellOf(cell: Record<string, unknown>): Cell {
  const outputs = Array.isArray(cell.outputs) ? (cell.outputs as Record<string, unknown>[]) : [];
  return {
    code: cell.cell_type === "code",
    number: typeof cell.execution_count === "number" ? cell.execution_count : null,
    source: textOf(cell.source),
    outputs: outputs.map(outputOf).filter(Boolean),
  };
}

function outputOf(output: Record<string, unknown>): string {
  if (output.text !== undefined) return textOf(output.text);
  if (output.output_type === "error") return `${textOf(output.ename)}: ${textOf(output.evalue)}`;
  return textOf((output.data as Record<string, unknown> | undefined)?.["text/plain"]);
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return Array.isArray(value) ? value.filter((part) => typeof part === "string").join("") : "";
}
