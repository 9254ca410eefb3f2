// The heat map: cosine similarity of every pair of sentences, as a table that mouse and arrow keys can read.
import {element} from './elements';

export function cosine(a: number[], b: number[]): number {
  let dot = 0,
    aa = 0,
    bb = 0;
  for (const [i, value] of a.entries()) {
    dot += value * b[i]!;
    aa += value * value;
    bb += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(aa * bb);
}

/** With a real minus sign, as wide as a plus. */
function signed(value: number, digits: number): string {
  return value.toFixed(digits).replace('-', '−');
}

/** Above this share of the colour, dark text is hard to read on it. */
const strong = 0.62;

function cell(value: number, same: boolean): HTMLTableCellElement {
  if (same) return element('td', {class: 'same', tabindex: -1}, '1');
  const size = Math.min(1, Math.abs(value));
  const classes = [value < 0 ? 'against' : '', size > strong ? 'strong' : ''].filter(Boolean).join(' ');
  return element('td', {'--v': size.toFixed(3), tabindex: -1, ...(classes ? {class: classes} : {})}, signed(value, 2));
}

/** The table, a line that tells the pair under the pointer or focus, and a list of the sentences for narrow screens. */
export function heatMap(sentences: string[], vectors: number[][]): HTMLElement {
  const line = element('output', {class: 'pair'}, 'Point at a cell, or move through the map with the arrow keys.');
  const cells: HTMLTableCellElement[][] = [];
  const head = element(
    'tr',
    {},
    element('td', {class: 'same'}),
    ...sentences.map((_, i) => element('th', {scope: 'col'}, String(i + 1))),
  );
  const rows = sentences.map((sentence, i) => {
    const row = vectors.map((vector, j) => cell(cosine(vectors[i]!, vector), i === j));
    cells.push(row);
    return element(
      'tr',
      {},
      element('th', {scope: 'row', title: sentence}, element('b', {}, String(i + 1)), sentence),
      ...row,
    );
  });
  const table = element(
    'table',
    {class: sentences.length > 8 ? 'heat many' : 'heat', 'aria-label': 'Cosine similarity of every pair'},
    element('colgroup', {}, element('col', {class: 'names'}), ...sentences.map(() => element('col'))),
    element('thead', {}, head),
    element('tbody', {}, ...rows),
  );
  cells.forEach((row, i) =>
    row.forEach((td, j) => {
      const tell = () => {
        line.textContent = `“${sentences[i]}” and “${sentences[j]}”: ${signed(cosine(vectors[i]!, vectors[j]!), 4)}`;
      };
      td.addEventListener('mouseenter', tell);
      td.addEventListener('focus', tell);
    }),
  );
  moveWithArrows(table, cells);
  const legend = element(
    'ol',
    {class: 'legend', 'aria-hidden': true},
    ...sentences.map((sentence, i) => element('li', {}, element('b', {}, String(i + 1)), sentence)),
  );
  return element('div', {}, table, line, legend);
}

/** One cell is in the tab order; arrows move it. */
function moveWithArrows(table: HTMLTableElement, cells: HTMLTableCellElement[][]): void {
  const steps: Record<string, [number, number]> = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
  };
  if (cells[0]?.[0]) cells[0][0].tabIndex = 0;
  table.addEventListener('keydown', (event) => {
    const step = steps[event.key];
    const i = cells.findIndex((row) => row.includes(event.target as HTMLTableCellElement));
    if (!step || i < 0) return;
    const j = cells[i]!.indexOf(event.target as HTMLTableCellElement);
    const next = cells[i + step[0]]?.[j + step[1]];
    if (!next) return;
    event.preventDefault();
    cells[i]![j]!.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}
