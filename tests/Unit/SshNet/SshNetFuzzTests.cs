using System.Net;
using System.Net.Sockets;
using BorgStore.Backends;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Ssh;
using BorgStore.Backends.SshNet;
using BorgStore.Tests.Sftp;

namespace BorgStore.Tests.SshNet;

/// <summary>A server whose bytes are changed, repeated, cut or withheld on the way, from its greeting to its answers to SFTP.</summary>
public sealed class SshNetFuzzTests : IDisposable
{
    private static readonly int Runs = LongTests.Wanted ? 2000 : 24;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);
    private readonly TemporaryFolder _folder = new();
    private readonly SshServer _server = OpenSshServer.Instance;

    public SshNetFuzzTests() => Assert.SkipWhen(_server.Missing is not null, _server.Missing ?? "");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_server_whose_bytes_are_changed_is_refused_in_time()
    {
        Directory.CreateDirectory(_folder.Combine("store"));
        var refused = 0;
        for (var seed = 0; seed < Runs; seed++)
        {
            using var line = new MutatingLine(_server.Port, seed);
            var known = _folder.Combine("known_hosts");
            await File.WriteAllTextAsync(known, (await File.ReadAllTextAsync(_server.KnownHosts, Ct)).Replace($"]:{_server.Port} ", $"]:{line.Port} ", StringComparison.Ordinal), Ct);
            var url = _server.Url(_folder.Combine("store"), line.Port) with { Timeout = Timeout };
            var login = new SshLogin(url.Target) { KeyFile = Path.Combine(_server.Folder, "id"), KnownHostsFiles = [known] };
            try
            {
                await UseAsync(url, login).WaitAsync(TimeSpan.FromSeconds(60), Ct);
            }
            catch (StoreException)
            {
                refused++;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                throw new InvalidOperationException($"Seed {seed}: {e.Message}", e);
            }
        }
        Assert.True(refused > Runs / 4, $"{refused} of {Runs}");
    }

    private static async Task UseAsync(SftpUrl url, SshLogin login)
    {
        await using var store = new SftpBackend(url, new BackendOptions(), token => SshNetTransport.ConnectAsync(login, token));
        await store.OpenAsync(Ct);
        await foreach (var item in store.ListAsync("", ListScope.OneLevel, Ct)) Assert.NotEmpty(item.Name);
    }

    /// <summary>Relays connections to a server, and changes what it sends at one random place.</summary>
    private sealed class MutatingLine : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _stop = new();
        private readonly int _target;
        private readonly Random _random;

        public MutatingLine(int target, int seed)
        {
            (_target, _random) = (target, new(seed));
            _listener.Start();
            _ = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public void Dispose()
        {
            _stop.Cancel();
            _listener.Dispose();
            _stop.Dispose();
        }

        private async Task AcceptAsync()
        {
            try
            {
                while (true) _ = RelayAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The test has ended.
            }
        }

        private async Task RelayAsync(TcpClient client)
        {
            using (client)
            using (var server = new TcpClient())
            {
                try
                {
                    await server.ConnectAsync(IPAddress.Loopback, _target);
                    var up = client.GetStream().CopyToAsync(server.GetStream(), _stop.Token);
                    await MutateAsync(server.GetStream(), client.GetStream());
                    await up;
                }
                catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
                {
                    // Either end has left.
                }
            }
        }

        private async Task MutateAsync(NetworkStream server, NetworkStream client)
        {
            int place, kind;
            lock (_random) (place, kind) = (_random.Next(4000), _random.Next(4));
            var buffer = new byte[64 * 1024];
            for (var position = 0; ;)
            {
                var read = await server.ReadAsync(buffer, _stop.Token);
                if (read == 0) return;
                var at = place - position;
                position += read;
                if (at < 0 || at >= read)
                {
                    await client.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
                    continue;
                }
                switch (kind)
                {
                    case 0:
                        lock (_random) buffer[at] ^= (byte)(1 << _random.Next(8));
                        await client.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
                        break;
                    case 1: // one part twice
                        await client.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
                        await client.WriteAsync(buffer.AsMemory(at, read - at), _stop.Token);
                        break;
                    case 2: // the end
                        await client.WriteAsync(buffer.AsMemory(0, at), _stop.Token);
                        return;
                    default: // silence
                        await client.WriteAsync(buffer.AsMemory(0, at), _stop.Token);
                        await Task.Delay(System.Threading.Timeout.Infinite, _stop.Token);
                        break;
                }
            }
        }
    }
}
