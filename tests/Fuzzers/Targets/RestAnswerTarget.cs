using System.Runtime.CompilerServices;
using BorgStore.Backends.Rest;
using BorgStore.Backends.Shared;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Answers of a REST server, through .NET's HTTP client.</summary>
/// <remarks>An input is the letter of an operation, and the answers.</remarks>
internal sealed class RestAnswerTarget : IFuzzTarget
{
    private const string Opening = "200 OK\nContent-Length: 4096\nX-BorgStore-Is-Directory: true\nX-BorgStore-Server: 2";

    public IReadOnlyList<string> Tokens =>
    [
        "~", "\n", "\n\n", "\r\n", "HTTP/1.1 ", "200 OK", "206 Partial Content", "404 Not Found", "409 Conflict", "410 Gone", "429 Too Many Requests", "X-BorgStore-Server: 2\n", "X-BorgStore-Error: ObjectNotFound\n",
        "X-BorgStore-Detail: ", "X-BorgStore-Name: data%2Fa\n", "X-BorgStore-Is-Directory: true\n", "X-BorgStore-Mtime: 1.5\n", "Content-Type: application/json\n", "Content-Type: text/plain\n", "Content-Encoding: gzip\n",
        "Transfer-Encoding: chunked\n", "Content-Length: 6\n", "Content-Range: bytes 0-5/6\n", "\"name\":", "\"size\":", "\"directory\":", "\"items\":", "\"next\":", "\"atime\":", "\"mtime\":", "\"unreadable\":", "\"error\":", "\"id\":",
        "\"limit\":", "\"usage\":", "[", "]", "{", "}", ",", ":", "null", "true", "..", "/", "\\u0000", "\\ud800", "NaN", "e300", "a",
    ];

    public void Run(byte[] input)
    {
        if (input.Length == 0) return;
        var server = new ScriptedServer();
        var backend = new RestBackend("http://127.0.0.1:9/");
        (backend.Client.Retry, backend.Client.MixUpRetry) = (RetrySchedule.Never, RetrySchedule.Never);
        server.Attach(TransportOf(backend).Http);
        try
        {
            server.Use(Opening);
            backend.OpenAsync(default).GetAwaiter().GetResult();
            server.Use(input.AsSpan(1));
            BackendOperations.Run(backend, input[0]);
        }
        finally
        {
            // The flush of a change may fail.
            server.Use(Opening);
            Check.Completes(() => backend.DisposeAsync().AsTask());
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_transport")]
    private static extern ref RestTransport TransportOf(RestBackend backend);
}
