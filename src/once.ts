/** What `make` gives, made when it is first asked for. */
export interface Once<T> {
  (): T;
  isMade(): boolean;
}

export function once<T>(make: () => T): Once<T> {
  let made: { readonly value: T } | undefined;
  const get = () => {
    made ??= { value: make() };
    return made.value;
  };
  return Object.assign(get, { isMade: () => made !== undefined });
}
