/** How single members of a JSON answer are checked and corrected. */

import { AnswerFault } from './answer-fault.ts';
import { type Answer, kindOf } from './json-answer.ts';

/** Throws `AnswerFault` unless it is a non-empty string. */
export function requireText({ members }: Answer, name: string): void {
  const held = members[name];
  if (typeof held !== 'string' || held === '') throw misplaced(name, held, 'a string');
}

/** An optional string; an empty one counts as absent. */
export function allowText(answer: Answer, name: string): void {
  const held = answer.members[name];
  if (held === '') leaveOut(answer, name, 'an empty string');
  else if (held !== undefined && typeof held !== 'string') throw misplaced(name, held, 'a string');
}

/** A string of digits becomes the number. */
export function readDigits({ members, took }: Answer, name: string): void {
  const held = members[name];
  if (typeof held !== 'string' || !/^\s*\d{1,15}(?:\.\d{1,15})?\s*$/.test(held)) return;
  members[name] = Number(held);
  took(`${name} was a string of digits, read as a number`);
}

/** A list of words becomes one space-separated string. */
export function joinWords({ members, took }: Answer, name: string): void {
  const held = members[name];
  if (held === undefined || typeof held === 'string') return;
  if (!Array.isArray(held) || !held.every((word) => typeof word === 'string')) {
    throw misplaced(name, held, 'a space-separated string');
  }
  members[name] = held.join(' ');
  took(`${name} was a list, read as a space-separated string`);
}

/** A space-separated string becomes a list of words. */
export function splitWords({ members, took }: Answer, name: string): void {
  const held = members[name];
  if (typeof held !== 'string') return;
  members[name] = held.split(' ').filter((word) => word !== '');
  took(`${name} was a string, read as a list`);
}

export function leaveOut({ members, took }: Answer, name: string, was: string): void {
  delete members[name];
  took(`${name} was ${was}, treated as absent`);
}

export function misplaced(name: string, held: unknown, wanted: string): AnswerFault {
  return new AnswerFault(`the answer’s ${name} holds ${kindOf(held)} where ${wanted} is expected`);
}
