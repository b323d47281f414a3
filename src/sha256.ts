/**
 * SHA-256 of a short text, for names and identities. Not Node's own: loading `node:crypto` takes a quarter
 * of what a command may take that prints a kept token.
 */
import { sha256 as digest } from '@noble/hashes/sha2.js';

export function sha256(text: string): Buffer {
  return Buffer.from(digest(Buffer.from(text)));
}
