import type { Collector, Emit } from './collector.ts';
import type { NodeMetricName } from './node/metric.ts';
import { isMissing, type Procfs } from './procfs/root.ts';
import { wholeLines } from './procfs/text.ts';

/** node_exporter's default choice of the some 400 counters there are (netstat_linux.go). */
const wanted =
  /^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$/;

/** A line of names above a line of values; which columns are wanted is found once, the names do not change. */
type Columns = readonly (readonly [column: number, name: NodeMetricName])[];

/** Protocol counters of the kernel: /proc/net/{netstat,snmp,snmp6}, RFC 4293 and its kin. */
export function createNetstatCollector(procfs: Procfs, net: string): Collector {
  const columnsOf = new Map<string, Columns>();
  const nameOf6 = new Map<string, NodeMetricName | undefined>();

  function collectPairs(text: string, emit: Emit): void {
    const lines = wholeLines(text);
    for (let at = 0; at + 1 < lines.length; at += 2) {
      const header = lines[at]!;
      let columns = columnsOf.get(header);
      if (columns === undefined) {
        columns = toColumns(header);
        columnsOf.set(header, columns);
      }
      if (columns.length === 0) continue;
      const values = lines[at + 1]!.split(' ');
      for (const [column, name] of columns) emit(name, Number(values[column] ?? Number.NaN));
    }
  }

  function collectSnmp6(text: string, emit: Emit): void {
    for (const line of wholeLines(text)) {
      const key = line.slice(0, line.search(/\s/));
      if (!nameOf6.has(key)) nameOf6.set(key, toName6(key));
      const name = nameOf6.get(key);
      if (name !== undefined) emit(name, Number(line.slice(line.lastIndexOf('\t') + 1)));
    }
  }

  return {
    name: 'netstat',
    emits: [],
    collect(_tick, emit) {
      collectPairs(procfs.read(`${net}/netstat`), emit);
      collectPairs(procfs.read(`${net}/snmp`), emit);
      try {
        collectSnmp6(procfs.read(`${net}/snmp6`), emit);
      } catch (error) {
        // A kernel without IPv6 has no such file.
        if (!isMissing(error)) throw error;
      }
      return 'ok';
    },
  };
}

/** `Tcp: RtoAlgorithm RtoMin …` */
function toColumns(header: string): Columns {
  const [protocol = '', ...names] = header.split(' ');
  const columns: [number, NodeMetricName][] = [];
  for (const [index, name] of names.entries()) {
    const key = `${protocol.slice(0, -1)}_${name}`;
    if (wanted.test(key)) columns.push([index + 1, `node_netstat_${key}`]);
  }
  return columns;
}

/** `Udp6InErrors`: the protocol ends with the 6. */
function toName6(key: string): NodeMetricName | undefined {
  const split = key.indexOf('6') + 1;
  const name = `${key.slice(0, split)}_${key.slice(split)}`;
  return split > 0 && wanted.test(name) ? `node_netstat_${name}` : undefined;
}
