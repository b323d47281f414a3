// The README's picture of the demo, from what a run of it says of itself (`demo --json`).
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { terminalPicture } from './terminal.js';

export const pictures = {
  light: 'docs/pictures/demo-light.svg',
  dark: 'docs/pictures/demo-dark.svg',
};

/**
 * @typedef {{ ok: boolean, seconds: number, steps: { name: string, ok: boolean, ms: number, facts: string[] }[] }} Demo
 * @param {string} program its main.js
 * @returns {Promise<Demo>}
 */
export async function runDemo(program) {
  const { stdout } = await promisify(execFile)(process.execPath, [program, 'demo', '--json']);
  return JSON.parse(stdout);
}

/** @param {Demo} demo @param {import('../source.js').Source} source */
export function demoPictures(demo, { command, args }) {
  const lines = [
    [
      { text: '$ ', style: 'dim' },
      { text: [command, ...args, 'demo'].join(' '), style: 'bold' },
    ],
    ...demo.steps.flatMap(({ name, ok, ms, facts }, index) => [
      [
        { text: `${String(index + 1).padStart(2)} `, style: 'dim' },
        { text: ok ? '✓ ' : '✗ ', style: 'good' },
        { text: name, style: 'bold' },
        { text: `${ms} ms`.padStart(Math.max(1, 80 - name.length)), style: 'dim' },
      ],
      ...facts.map((fact) => [{ text: `     ${fact}`, style: 'dim' }]),
    ]),
    [
      {
        text: `Everything worked: ${demo.steps.length} steps in ${demo.seconds} s, nothing left behind.`,
        style: 'good',
      },
    ],
  ];
  const told = demo.steps.map(({ name, facts }) => `${name} (${facts.join('; ')})`).join('. ');
  const description = `The demo, step by step. ${told}`;
  return Object.fromEntries(
    Object.entries(pictures).map(([theme, path]) => [
      path,
      terminalPicture(lines, theme, description),
    ]),
  );
}

/** Without what differs from run to run: ports, times, and how wide they make the picture. */
export function timeless(svg) {
  return svg
    .replace(/localhost:\d+/g, 'localhost:PORT')
    .replace(/ *\b\d+ ms/g, ' N ms')
    .replace(/\b\d+(?:\.\d+)? s\b/g, 'N s')
    .replace(/\b\d+ characters/g, 'N characters');
}
