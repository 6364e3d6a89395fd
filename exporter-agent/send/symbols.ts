import { ByteWriter } from './bytes.ts';

export const symbolTag = 0x22;

/** The strings of remote write 2.0 requests: each is sent once, series refer to it by its place. */
export class SymbolTable {
  private readonly places = new Map<string, number>();
  private readonly writer = new ByteWriter(2_048);
  private readonly first: number;

  /** @param first place of the first symbol; 0 begins with the empty one, as the specification asks. */
  constructor(first = 0) {
    this.first = first;
    if (first === 0) this.place('');
  }

  get size(): number {
    return this.places.size;
  }

  place(text: string): number {
    const known = this.places.get(text);
    if (known !== undefined) return known;
    const place = this.first + this.places.size;
    this.places.set(text, place);
    this.writer.text(symbolTag, text);
    return place;
  }

  texts(): string[] {
    return [...this.places.keys()];
  }

  /** All symbols as fields of the request; valid until the next `place`. */
  view(): Buffer {
    return this.writer.view();
  }
}
