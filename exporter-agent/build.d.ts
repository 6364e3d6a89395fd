export const sizeBudgetBytes: number;
export function buildAgent(outfile?: string): Promise<{ outfile: string; bytes: number }>;
