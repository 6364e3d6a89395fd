import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../../src/alerts/index.ts';

describe('fingerprint', () => {
  it('is the one that Alertmanager gives the same labels', () => {
    const labels = { severity: 'critical', alertname: 'CpuHot', instance: 'h-001', empty: '' };
    expect(fingerprint(new Map(Object.entries(labels)))).toBe('07fef7c6adaa73cc');
  });
});
