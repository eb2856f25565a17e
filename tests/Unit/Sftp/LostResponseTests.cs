using BorgStore.Backends;

namespace BorgStore.Tests.Sftp;

/// <summary>A connection lost at the worst moments: just before the server receives a
/// request, or just before the client receives the answer.</summary>
public class LostResponseTests : IAsyncLifetime
{
    private const string Name = "data/item";
    private static readonly byte[] Old = [1], New = [2, 2];
    private readonly TemporaryFolder _folder = new();
    private readonly SshAccess _server;

    public LostResponseTests()
        : this(OpenSshServer.Instance)
    {
    }

    private protected LostResponseTests(SshAccess server) => _server = server;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        Assert.SkipWhen(_server.Missing is not null, _server.Missing ?? "");
        return default;
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
        return default;
    }

    [Theory]
    [InlineData(Loss.None, Loss.None)]
    [InlineData(Loss.Request, Loss.None)]
    [InlineData(Loss.Answer, Loss.None)]
    [InlineData(Loss.Request, Loss.Request)]
    [InlineData(Loss.Request, Loss.Answer)]
    [InlineData(Loss.Answer, Loss.Request)]
    [InlineData(Loss.Answer, Loss.Answer)]
    public async Task A_value_is_stored_whichever_rename_request_or_response_is_lost(object renaming, object afterwards)
    {
        // The first requests on the second and third connection find out the result of the renaming, and then clean up.
        foreach (var settling in Enumerable.Range(1, (Loss)afterwards == Loss.None ? 1 : 3))
        {
            var isStoring = false;
            var (lines, requests) = (0, 0);
            var url = _server.Url(_folder.Combine($"store-{settling}")) with { Timeout = TimeSpan.FromSeconds(20) };
            await using var store = await SshServer.OpenWatchedAsync(url, _server.Options, transport =>
            {
                lines++;
                requests = 0;
                return new WatchedTransport(transport) { Loses = Loses };
            });
            await store.StoreAsync(Name, Old, StoreMode.Overwrite, Ct);
            isStoring = true;
            await store.StoreAsync(Name, New, StoreMode.Overwrite, Ct);
            isStoring = false;

            await using var loaded = await store.LoadAsync(Name, ByteRange.Whole, Ct);
            Assert.Equal(New, await loaded!.ReadToEndAsync(Ct));
            Assert.Equal("item", Assert.Single(await store.ListAsync("data", ListScope.OneLevel, Ct).Select(entry => entry.Name).ToListAsync(Ct)));
            Assert.Empty(Directory.EnumerateFiles(_folder.Path, "*.tmp", SearchOption.AllDirectories));
            if ((Loss)renaming != Loss.None) Assert.True(lines > 1);

            Loss Loses(string kind)
            {
                if (!isStoring || kind == "limits@openssh.com") return Loss.None;
                if (lines == 1) return kind == "posix-rename@openssh.com" ? (Loss)renaming : Loss.None;
                return lines <= 1 + settling && ++requests == (settling == 2 ? 2 : 1) ? (Loss)afterwards : Loss.None;
            }
        }
    }
}
