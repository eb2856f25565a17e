using System.Diagnostics;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using BorgStore.Tests.S3.Servers;

[assembly: AssemblyFixture(typeof(CephServer))]

namespace BorgStore.Tests.S3.Servers;

/// <summary>A real S3 server for all tests of the assembly, started on first use.</summary>
public sealed class CephServer : IAsyncDisposable
{
    public const string BucketName = "bucket";
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);

    private readonly Lazy<Task<(Running? Server, string Reason)>> _start = new(StartAsync);

    /// <summary>Returns the running server, or skips the test if it can't be started.</summary>
    public async Task<Running> GetAsync()
    {
        var (server, reason) = await _start.Value;
        Assert.SkipWhen(server is null, reason);
        return server!;
    }

    public async ValueTask DisposeAsync()
    {
        if (_start.IsValueCreated && (await _start.Value).Server is { } server) await server.DisposeAsync();
    }

    private static async Task<(Running? Server, string Reason)> StartAsync()
    {
        if (!OperatingSystem.IsLinux()) return (null, "Ceph runs on Linux only.");
        var folder = Path.Combine(Path.GetTempPath(), $"borgstore-ceph-{Guid.NewGuid():n}");
        var script = Path.Combine(AppContext.BaseDirectory, "servers", "ceph.sh");
        var process = Process.Start(new ProcessStartInfo("bash", [script, folder])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            // Memory is too small for the large values of the long tests.
            Environment = { ["CEPH_STORE"] = Environment.GetEnvironmentVariable("CEPH_STORE") ?? LongTests.Choose(quick: "memstore", @long: "bluestore") },
        })!;
        var lines = new List<string>();
        try
        {
            using var limit = new CancellationTokenSource(StartLimit);
            while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
            {
                if (line.Split(' ') is ["ready", var endpoint, var accessKey, var secretKey, var log])
                    return (await Running.PrepareAsync(process, new Uri(endpoint), accessKey, secretKey, log), "");
                lines.Add(line);
            }
        }
        catch (OperationCanceledException)
        {
            lines.Add($"not ready after {StartLimit.TotalSeconds} seconds");
        }
        process.StandardInput.Close();
        return (null, $"Ceph could not be started: {string.Join("; ", lines)}. tests/servers/install.sh installs it on Debian, as root.");
    }

    /// <summary>The running server.</summary>
    public sealed class Running : IAsyncDisposable
    {
        private readonly Process _process;
        private readonly string _log;

        private Running(Process process, Uri endpoint, string accessKey, string secretKey, string log)
        {
            (_process, Endpoint, AccessKey, SecretKey, _log) = (process, endpoint, accessKey, secretKey, log);
            Client = new AmazonS3Client(new BasicAWSCredentials(accessKey, secretKey), new AmazonS3Config
            {
                ServiceURL = endpoint.ToString(),
                ForcePathStyle = true,
                RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            });
        }

        public Uri Endpoint { get; }

        public string AccessKey { get; }

        public string SecretKey { get; }

        /// <summary>A client that bypasses the store.</summary>
        public AmazonS3Client Client { get; }

        public static async Task<Running> PrepareAsync(Process process, Uri endpoint, string accessKey, string secretKey, string log)
        {
            var server = new Running(process, endpoint, accessKey, secretKey, log);
            await server.Client.PutBucketAsync(BucketName);
            return server;
        }

        /// <summary>Returns the URL of a store, optionally through a proxy.</summary>
        public string UrlOf(string path, Uri? endpoint = null, string bucket = BucketName)
            => $"s3:{AccessKey}:{Uri.EscapeDataString(SecretKey)}@{(endpoint ?? Endpoint).GetLeftPart(UriPartial.Authority)}/{bucket}/{path}";

        public Task PutAsync(string key, byte[] content) => Client.PutObjectAsync(new PutObjectRequest
        {
            BucketName = BucketName,
            Key = key,
            InputStream = new MemoryStream(content),
            UseChunkEncoding = false,
        });

        public async Task<List<string>> ListAsync(string prefix)
        {
            var keys = new List<string>();
            var request = new ListObjectsV2Request { BucketName = BucketName, Prefix = prefix };
            ListObjectsV2Response page;
            do
            {
                page = await Client.ListObjectsV2Async(request);
                keys.AddRange((page.S3Objects ?? []).Select(item => item.Key));
                request.ContinuationToken = page.NextContinuationToken;
            }
            while (page.IsTruncated == true);
            return keys;
        }

        public async Task<int> CountUploadsAsync(string prefix)
            => (await Client.ListMultipartUploadsAsync(new ListMultipartUploadsRequest { BucketName = BucketName, Prefix = prefix })).MultipartUploads?.Count ?? 0;

        /// <summary>Gives the user another key.</summary>
        public Task AddKeyAsync(string accessKey, string secretKey)
            => AdministerAsync("key", "create", "--uid=test", "--key-type=s3", $"--access-key={accessKey}", $"--secret-key={secretKey}");

        /// <summary>Removes a key, so that the server no longer accepts it.</summary>
        public Task RemoveKeyAsync(string accessKey) => AdministerAsync("key", "rm", "--uid=test", "--key-type=s3", $"--access-key={accessKey}");

        /// <summary>Returns the requests logged during an action, such as <c>PUT /bucket/path/name</c>.</summary>
        /// <param name="path">The text that they must contain: the path of a store, or a bucket.</param>
        /// <param name="act">The action.</param>
        public async Task<List<string>> LogAsync(string path, Func<Task> act)
        {
            var encoded = Uri.EscapeDataString(path);
            var mark = $"mark-{Guid.NewGuid():n}";
            var start = new FileInfo(_log).Length;
            await MarkAsync(mark + "-begin", start);
            await act();
            // A line may be logged a moment after its response.
            await Task.Delay(200);
            await MarkAsync(mark + "-end", start);
            var requests = new List<string>();
            var within = false;
            foreach (var line in await ReadLogAsync(start))
            {
                if (line.Contains(mark, StringComparison.Ordinal)) within = line.Contains(mark + "-begin", StringComparison.Ordinal);
                else if (within && (line.Contains(path, StringComparison.Ordinal) || line.Contains(encoded, StringComparison.Ordinal)) && line.Split('"') is [_, var request, ..]) requests.Add(request);
            }
            return requests;
        }

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            _process.StandardInput.Close();
            await _process.WaitForExitAsync();
            _process.Dispose();
        }

        private async Task AdministerAsync(params string[] arguments)
        {
            var config = Path.Combine(Path.GetDirectoryName(_log)!, "..", "ceph.conf");
            using var process = Process.Start(new ProcessStartInfo("radosgw-admin", ["-c", config, "-n", "client.admin", .. arguments])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var errors = process.StandardError.ReadToEndAsync();
            await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, await errors);
        }

        private async Task MarkAsync(string mark, long start)
        {
            await PutAsync(mark, []);
            for (var i = 0; !(await ReadLogAsync(start)).Any(line => line.Contains(mark, StringComparison.Ordinal)); i++)
            {
                Assert.True(i < 100, "The server writes no log.");
                await Task.Delay(50);
            }
        }

        private async Task<IEnumerable<string>> ReadLogAsync(long start)
        {
            await using var log = new FileStream(_log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite) { Position = start };
            using var reader = new StreamReader(log);
            return (await reader.ReadToEndAsync()).Split('\n').Where(line => line.Contains(" beast: ", StringComparison.Ordinal));
        }
    }
}
