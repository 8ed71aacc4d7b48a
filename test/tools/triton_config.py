"""Parses configurations of Triton as Triton does: protobuf's text format, by Triton's own model_config.proto.

Standard input is JSON: the base64 of a FileDescriptorSet of that file, and the texts by name.
"""

import base64
import json
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, text_format

given = json.load(sys.stdin)
files = descriptor_pb2.FileDescriptorSet.FromString(base64.b64decode(given["descriptors"]))
pool = descriptor_pool.DescriptorPool()
for file in files.file:
    pool.Add(file)
ModelConfig = message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelConfig"))


def parsed(text):
    return json_format.MessageToDict(text_format.Parse(text, ModelConfig()), preserving_proto_field_name=True)


print(json.dumps({name: parsed(text) for name, text in given["texts"].items()}))
