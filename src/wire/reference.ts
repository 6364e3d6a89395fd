import protobuf from 'protobufjs';

/**
 * Both versions of the protocol by protobufjs's reflection: the reference that the hot path is tested against,
 * and the encoder of test bodies. Field numbers: remote-write specifications 1.0 and 2.0-rc.4.
 */
const schema = `
syntax = "proto3";
message WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3; repeated Histogram histograms = 4; }
message Label { string name = 1; string value = 2; }
message Sample { double value = 1; int64 timestamp = 2; }
message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
message MetricMetadata { uint32 type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }
message Histogram {
  oneof count { uint64 count_int = 1; double count_float = 2; }
  double sum = 3; sint32 schema = 4; double zero_threshold = 5;
  oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
  repeated BucketSpan negative_spans = 8; repeated sint64 negative_deltas = 9; repeated double negative_counts = 10;
  repeated BucketSpan positive_spans = 11; repeated sint64 positive_deltas = 12; repeated double positive_counts = 13;
  uint32 reset_hint = 14; int64 timestamp = 15; repeated double custom_values = 16; int64 start_timestamp = 17;
}
message BucketSpan { sint32 offset = 1; uint32 length = 2; }
message Request { repeated string symbols = 4; repeated TimeSeriesV2 timeseries = 5; }
message TimeSeriesV2 {
  repeated uint32 labels_refs = 1; repeated SampleV2 samples = 2; repeated Histogram histograms = 3;
  repeated ExemplarV2 exemplars = 4; MetadataV2 metadata = 5; int64 created_timestamp = 6;
}
message SampleV2 { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3; }
message ExemplarV2 { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }
message MetadataV2 { uint32 type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
`;

const root = protobuf.parse(schema, { keepCase: true }).root;

/** Encodes, decodes and verifies one message type by reflection. */
export interface ReferenceMessage {
  encode(value: object): Buffer;
  /** Plain objects, 64-bit integers as numbers, defaults filled in. */
  decode(bytes: Uint8Array): Record<string, unknown>;
}

function message(name: string): ReferenceMessage {
  const type = root.lookupType(name);
  return {
    encode: (value) => Buffer.from(type.encode(type.fromObject(value)).finish()),
    decode: (bytes) => type.toObject(type.decode(bytes), { longs: Number, defaults: true }),
  };
}

export const referenceWriteRequest = message('WriteRequest');
export const referenceRequestV2 = message('Request');
