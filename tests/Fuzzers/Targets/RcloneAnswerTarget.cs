using System.Runtime.CompilerServices;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Rclone.Connection;
using BorgStore.Backends.Shared;
using BorgStore.Processes;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Answers of rclone.</summary>
/// <remarks>An input is the letter of an operation, and the answers; or <c>!</c> and the description of a remote. An upper-case letter is for a
/// remote with buckets.</remarks>
internal sealed class RcloneAnswerTarget : IFuzzTarget, IDisposable
{
    private const string Folders = """{"Name":"remote","Root":"path","String":"remote","Features":{"ListR":true,"BucketBased":false,"Move":true,"Copy":true,"PartialUploads":true},"Hashes":["sha256"]}""";
    private const string Buckets = """{"Name":"bucket","Root":"path","String":"bucket","Features":{"ListR":true,"BucketBased":true,"Copy":true},"Hashes":["md5"]}""";
    private const string Root = """{"list":[{"Path":"data","Size":-1,"IsDir":true}]}""";

    private static readonly Version Version = new(1, 65);

    private readonly ScriptedServer _script = new();
    private readonly RcloneServerManager _manager = new() { ExitDelay = default };
    private readonly RcloneServer _server;

    public RcloneAnswerTarget()
    {
        // Something that runs in the place of rclone.
        var process = ChildProcess.Start(new ChildCommand("cat", []));
        _server = new(process, new("http://127.0.0.1:9/"), RclonePassword.InEnvironment(), TimeSpan.FromMinutes(1), default) { Version = Version };
        _script.Attach(ClientOf(_server));
        ServerOf(_manager) = Task.FromResult(_server);
        // Otherwise the server would be stopped when its last store is closed.
        _manager.AddStore();
    }

    public IReadOnlyList<string> Tokens =>
    [
        "~", "\n", "\n\n", "HTTP/1.1 ", "200 OK", "206 Partial Content", "404 Not Found", "416 Range Not Satisfiable", "500 Internal Server Error", "Content-Length: 6\n", "Content-Range: bytes 0-5/6\n", "Transfer-Encoding: chunked\n",
        "{\"list\":[", "{\"item\":", "{\"error\":\"", "object not found", "directory not found", "permission denied", "\"Path\":", "\"data/a\"", "\"Size\":", "\"IsDir\":", "\"ModTime\":", "\"2026-01-01T00:00:00Z\"", "\"Hashes\":", "\"sha256\":",
        "\"Features\":", "\"Name\":", "\"Root\":", "\"String\":", "[", "]", "{", "}", ",", ":", "null", "true", "-1", "..", "/", "\\ud800", "\\u0000",
    ];

    public void Dispose() => _server.DisposeAsync().AsTask().GetAwaiter().GetResult();

    public void Run(byte[] input)
    {
        if (input.Length == 0) return;
        if (input[0] == '!')
        {
            CheckDescription(input.AsSpan(1));
            return;
        }
        var isBucket = char.IsAsciiLetterUpper((char)input[0]);
        var backend = new RcloneBackend(isBucket ? "rclone:bucket:path" : "rclone:remote:path", _manager) { Retry = RetrySchedule.Never };
        try
        {
            _script.Use($"200 OK\n\n{(isBucket ? Buckets : Folders)}");
            _server.GetRemoteAsync(isBucket ? "bucket:path/" : "remote:path/", default).GetAwaiter().GetResult();
            _script.Use($"200 OK\n\n{Root}");
            backend.OpenAsync(default).GetAwaiter().GetResult();
            _script.Use(input.AsSpan(1));
            BackendOperations.Run(backend, (byte)char.ToLowerInvariant((char)input[0]));
        }
        finally
        {
            backend.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private void CheckDescription(ReadOnlySpan<byte> description)
    {
        _script.Use([.. "200 OK\n\n"u8, .. description]);
        try
        {
            var remote = _server.CallAsync("operations/fsinfo", [], info => new RcloneRemote("remote:path/", info, Version), default).GetAwaiter().GetResult();
            Check.That(remote.ServedName?.Contains(']') != true, () => $"rclone cannot serve '{remote.ServedName}'.");
        }
        catch (RcloneFailure)
        {
            // Refused.
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_client")]
    private static extern ref HttpClient ClientOf(RcloneServer server);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_server")]
    private static extern ref Task<RcloneServer>? ServerOf(RcloneServerManager manager);
}
