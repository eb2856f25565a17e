using BorgStore.Backends.S3;
using BorgStore.Backends.S3.Connection;
using BorgStore.Backends.Shared;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Answers of an S3 server, through the AWS SDK.</summary>
/// <remarks>An input is the letter of an operation, and the answers. An upper-case letter is for a store whose values have checksums.</remarks>
internal sealed class S3AnswerTarget : IFuzzTarget
{
    private const string Opening = "200 OK\nContent-Type: application/xml\n\n<ListBucketResult><Name>bucket</Name><Prefix>path/</Prefix><KeyCount>1</KeyCount><MaxKeys>1</MaxKeys><IsTruncated>false</IsTruncated>"
        + "<Contents><Key>path/data/a</Key><Size>6</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>\"e\"</ETag></Contents></ListBucketResult>";

    private readonly ScriptedServer _server = new();

    public S3AnswerTarget() => _server.Attach(SharedHttp.Current.Connections);

    public IReadOnlyList<string> Tokens =>
    [
        "~", "\n", "\n\n", "HTTP/1.1 ", "200 OK", "206 Partial Content", "403 Forbidden", "404 Not Found", "301 Moved Permanently", "400 Bad Request", "412 Precondition Failed", "ETag: \"e\"\n", "Content-Length: 6\n",
        "Content-Range: bytes 0-5/6\n", "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\n", "x-amz-bucket-region: eu-west-1\n", "x-amz-checksum-sha256: ", "x-amz-checksum-crc32: ", "Transfer-Encoding: chunked\n",
        "<", ">", "</", "/>", "<Contents>", "</Contents>", "<Key>path/", "</Key>", "<Size>", "</Size>", "<IsTruncated>true</IsTruncated>", "<NextContinuationToken>t</NextContinuationToken>", "<CommonPrefixes><Prefix>path/data/",
        "<Error><Code>", "NoSuchKey", "AccessDenied", "SlowDown", "</Code>", "<LastModified>", "<ETag>", "<UploadId>u</UploadId>", "<Upload>", "<Part>", "<PartNumber>", "<!DOCTYPE x [", "<![CDATA[", "&#0;", "&lt;", "&x;", "%2F", "..",
    ];

    public void Run(byte[] input)
    {
        if (input.Length == 0) return;
        var options = char.IsAsciiLetterUpper((char)input[0]) ? "?checksum=sha256" : "";
        var backend = new S3Backend(S3Url.Parse($"s3:key:secret@http://127.0.0.1:9/bucket/path{options}"), null) { Retry = RetrySchedule.Never };
        try
        {
            _server.Use(Opening);
            backend.OpenAsync(default).GetAwaiter().GetResult();
            _server.Use(input.AsSpan(1));
            BackendOperations.Run(backend, (byte)char.ToLowerInvariant((char)input[0]));
        }
        finally
        {
            backend.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }
}
