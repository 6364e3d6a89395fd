/** A window into a list. */
export interface Page {
  limit: number;
  offset: number;
}

export interface Listed<T> {
  items: T[];
  /** All that there are, not only those of the window. */
  total: number;
}
