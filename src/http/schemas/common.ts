import { z } from 'zod';

/** Shapes that many answers have; answers are strict, so that the document says all that is in them. */
export const timeAnswer = z.iso.datetime();
export const maybeTime = timeAnswer.nullable();
export const textMap = z.record(z.string(), z.string());
export const maybeText = z.string().nullable();
export const statusAnswer = <S extends string>(...states: readonly [S, ...S[]]) =>
  z.strictObject({ status: z.enum(states) });

/** A window of a list, under its name. */
export const listAnswer = <N extends string, T extends z.ZodType>(name: N, item: T) =>
  z.strictObject({
    ...({ [name]: z.array(item) } as Record<N, z.ZodArray<T>>),
    ...{ total: z.int(), limit: z.int(), offset: z.int() },
  });
