using BorgStore.Backends;
using BorgStore.Samples;
using Xunit.Sdk;

namespace BorgStore.Tests.Model;

/// <summary>The suite finds what it is there to find: a backend in memory is right, and each way in which it may be wrong is caught.</summary>
public sealed class BrokenBackendTests
{
    public static TheoryData<string> Faults =>
    [
        nameof(BrokenBackend.LosesOverwrites), nameof(BrokenBackend.ShowsOldValues), nameof(BrokenBackend.TearsValues), nameof(BrokenBackend.ListsTooLittle),
        nameof(BrokenBackend.ListsDeleted), nameof(BrokenBackend.CreatesTwice), nameof(BrokenBackend.LosesMoves), nameof(BrokenBackend.AnswersBeforeItStores),
    ];

    [Fact]
    public async Task A_backend_without_faults_passes()
    {
        await using var place = await MakeAsync(_ => { });
        var run = await new ModelRun(place).RunAsync(TimeSpan.FromSeconds(1));
        Assert.True(run.Checked > 300);
    }

    public static MatrixTheoryData<string, string> FaultsOfServers => new([.. Faults.Select(row => (string)row.Data)], ["sftp", "s3"]);

    [Theory, MemberData(nameof(Faults))]
    public Task A_fault_is_found(string fault) => FindAsync(fault, ModelTraits.None);

    /// <summary>What the model allows a server does not hide its faults.</summary>
    [Theory, MemberData(nameof(FaultsOfServers))]
    public Task A_fault_of_a_storage_that_is_weaker_is_found(string fault, string kind) => FindAsync(fault, ModelServers.TraitsOf(kind));

    private static async Task FindAsync(string fault, ModelTraits traits)
    {
        await using var place = await MakeAsync(backend => typeof(BrokenBackend).GetProperty(fault)!.SetValue(backend, true), traits);
        var failure = await Assert.ThrowsAsync<FailException>(() => new ModelRun(place).RunAsync(TimeSpan.FromSeconds(20)));
        Assert.Contains($"BORGSTORE_TEST_SEED={ModelRun.Seed}", failure.Message, StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper?.WriteLine(failure.Message);
    }

    private static Task<ModelPlace> MakeAsync(Action<BrokenBackend> configure, ModelTraits traits = ModelTraits.None)
    {
        var url = $"memory:{Guid.NewGuid():n}";
        var place = new ModelPlace
        {
            Kind = "memory",
            Traits = traits,
            Create = () =>
            {
                var backend = new BrokenBackend(new MemoryBackend(url));
                configure(backend);
                return backend;
            },
        };
        return place.CreateStoreAsync();
    }

    /// <summary>A backend that is now and then wrong.</summary>
    private sealed class BrokenBackend(IBackend inner) : DelegatingBackend(inner)
    {
        private int _calls;

        public bool LosesOverwrites { get; set; }

        public bool ShowsOldValues { get; set; }

        public bool TearsValues { get; set; }

        public bool ListsTooLittle { get; set; }

        public bool ListsDeleted { get; set; }

        public bool CreatesTwice { get; set; }

        public bool LosesMoves { get; set; }

        public bool AnswersBeforeItStores { get; set; }

        public override async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
        {
            var bytes = new byte[value.Length];
            await using (var stream = value.OpenStream()) await stream.ReadExactlyAsync(bytes, cancellationToken);
            var exists = await Inner.FindAsync(name, cancellationToken) is not null;
            if (LosesOverwrites && exists && mode == StoreMode.Overwrite && IsDue()) return;
            if (CreatesTwice && exists && IsDue()) mode = StoreMode.Overwrite;
            if (TearsValues && exists && mode == StoreMode.Overwrite && IsDue())
            {
                // Half of the value is visible for a moment.
                var old = await LoadAllAsync(name, cancellationToken) ?? [];
                await Inner.StoreAsync(name, (byte[])[.. bytes.Take(bytes.Length / 2), .. old.Skip(bytes.Length / 2)], mode, cancellationToken);
                await Task.Delay(2, CancellationToken.None);
            }
            if (ShowsOldValues && await LoadAllAsync(name, cancellationToken) is { } before) lock (_old) _old[name] = before;
            if (AnswersBeforeItStores && mode == StoreMode.Overwrite && IsDue())
            {
                _ = Task.Delay(20, CancellationToken.None).ContinueWith(_ => Inner.StoreAsync(name, bytes, mode, CancellationToken.None).AsTask(), TaskScheduler.Default);
                return;
            }
            await Inner.StoreAsync(name, bytes, mode, cancellationToken);
        }

        public override async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
        {
            byte[]? old = null;
            if (ShowsOldValues && IsDue()) lock (_old) _old.TryGetValue(name, out old);
            if (old is null) return await Inner.LoadAsync(name, range, cancellationToken);
            var (start, count) = range.Resolve(old.Length);
            return new MemoryValueStream(old.AsMemory((int)start, (int)count));
        }

        public override async ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
            => LosesMoves && IsDue() ? await Inner.DeleteAsync(name, cancellationToken) : await Inner.MoveAsync(name, newName, mode, cancellationToken);

        public override async IAsyncEnumerable<ItemInfo> ListAsync(
            string directory, ListScope scope, string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            ItemInfo? last = null;
            await foreach (var item in Inner.ListAsync(directory, scope, prefix, cancellationToken))
            {
                if (ListsTooLittle && IsDue()) continue;
                last = item;
                yield return item;
            }
            // One of those that are not there.
            if (ListsDeleted && last is { } shown) yield return shown with { Name = shown.Name[..^1] + (shown.Name[^1] == 'a' ? 'b' : 'a') };
        }

        private readonly Dictionary<string, byte[]> _old = [];

        private bool IsDue() => Interlocked.Increment(ref _calls) % 5 == 0;

        private async Task<byte[]?> LoadAllAsync(string name, CancellationToken cancellationToken)
        {
            if (await Inner.LoadAsync(name, ByteRange.Whole, cancellationToken) is not { } stream) return null;
            await using (stream) return await stream.ReadToEndAsync(cancellationToken);
        }
    }
}
