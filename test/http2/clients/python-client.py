"""python-client.py PORT METHOD CALLS: makes CALLS concurrent calls to an echo server, checks them, prints OK."""

import sys

import grpc

port, method, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    call = channel.unary_unary(method, lambda message: message, lambda message: message)
    messages = [b"message %d" % index for index in range(calls)]
    responses = [call.future(message, timeout=10) for message in messages]
    assert [response.result() for response in responses] == messages
    try:
        call(b"fail", timeout=10)
        raise AssertionError("expected a failure")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        assert error.details() == "größer", error.details()
    compressed = call(b"a" * 10000, timeout=10, compression=grpc.Compression.Gzip)
    assert compressed == b"a" * 10000
print("OK")
