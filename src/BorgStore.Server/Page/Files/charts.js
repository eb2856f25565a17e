// Small charts of the last minutes.
import { byId, duration, el, setText, size, svg } from './dom.js';

const width = 300;
const height = 60;

const definitions = [
  { title: 'Requests', floor: 10, format: value => `${value.toFixed(value < 10 && value % 1 ? 1 : 0)}/s`, lines: [['requests', 'Requests']] },
  { title: 'Data', floor: 1024, format: value => size(value) + '/s', lines: [['received', 'in'], ['sent', 'out']] },
  { title: 'Latency', floor: 0.01, format: value => value ? duration(value) : '–', lines: [['mean', 'mean'], ['slowest', 'slowest']] },
];

let charts;

export function showCharts(live) {
  charts ??= definitions.map(create);
  for (const chart of charts) update(chart, live);
}

function create(definition) {
  const lines = definition.lines.map(([key, label], index) => ({
    key,
    path: svg('path', { class: `line line${index}` }),
    value: el('dd'),
    term: el('dt', { class: definition.lines.length > 1 ? `key${index}` : 'unseen' }, label),
  }));
  const top = el('span', { class: 'top' });
  const span = el('span');
  byId('charts').append(el('figure', {},
    el('figcaption', {}, el('span', {}, definition.title), top),
    el('dl', {}, ...lines.map(line => el('div', {}, line.term, line.value))),
    svg('svg', { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      svg('path', { class: 'axis', d: `M0 .5H${width}M0 ${height - .5}H${width}` }),
      ...lines.map(line => line.path).reverse()),
    el('div', { class: 'quiet span' }, span, el('span', {}, 'now'))));
  return { ...definition, lines, top, span };
}

function update(chart, live) {
  const { samples, interval } = live;
  const highest = Math.max(chart.floor, ...chart.lines.flatMap(line => samples[line.key]));
  setText(chart.top, `up to ${chart.format(highest)}`);
  setText(chart.span, `${Math.round(samples.requests.length * interval / 60)} min ago`);
  for (const line of chart.lines) {
    const values = samples[line.key];
    setText(line.value, chart.format(values.at(-1)));
    line.path.setAttribute('d', values.map((value, i) => {
      const x = i / (values.length - 1) * width;
      const y = height - 1 - value / highest * (height - 2);
      return `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    }).join(''));
  }
}
