/** How single members of a JSON answer are checked and put right. */

import { AnswerFault } from './answer-fault.ts';
import { type Answer, holding } from './json-answer.ts';

/** Throws `AnswerFault` unless it holds a text that is not empty. */
export function requireText({ members }: Answer, name: string): void {
  const held = members[name];
  if (typeof held !== 'string' || held === '') throw misplaced(name, held, 'a text');
}

/** A text or none; an empty one is none. */
export function allowText(answer: Answer, name: string): void {
  const held = answer.members[name];
  if (held === '') leaveOut(answer, name, 'an empty text');
  else if (held !== undefined && typeof held !== 'string') throw misplaced(name, held, 'a text');
}

/** Digits in a text are the number that they write. */
export function readDigits({ members, took }: Answer, name: string): void {
  const held = members[name];
  if (typeof held !== 'string' || !/^\s*\d{1,15}(?:\.\d{1,15})?\s*$/.test(held)) return;
  members[name] = Number(held);
  took(`${name} held digits in a text, taken as the number`);
}

/** A list of words is the text in which they are parted by spaces. */
export function joinWords({ members, took }: Answer, name: string): void {
  const held = members[name];
  if (held === undefined || typeof held === 'string') return;
  if (!Array.isArray(held) || !held.every((word) => typeof word === 'string')) {
    throw misplaced(name, held, 'a text of words parted by spaces');
  }
  members[name] = held.join(' ');
  took(`${name} held a list, taken as the text of its words`);
}

/** A text of words is the list of them. */
export function splitWords({ members, took }: Answer, name: string): void {
  const held = members[name];
  if (typeof held !== 'string') return;
  members[name] = held.split(' ').filter((word) => word !== '');
  took(`${name} held a text, taken as the list of its words`);
}

export function leaveOut({ members, took }: Answer, name: string, held: string): void {
  delete members[name];
  took(`${name} held ${held}, taken as absent`);
}

export function misplaced(name: string, held: unknown, wanted: string): AnswerFault {
  return new AnswerFault(`the answer’s ${name} holds ${holding(held)} where ${wanted} belongs`);
}
