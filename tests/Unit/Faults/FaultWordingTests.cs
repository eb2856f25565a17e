using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Security;
using BorgStore.Tests.Backends.Files;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.Faults;

/// <summary>The same fault has the same message with every backend: each fault is caused for real on each of them.</summary>
public sealed class FaultWordingTests(CephServer ceph) : IAsyncDisposable
{
    private const string Item = "data/0011223344";
    private const string Other = "data/5566778899";
    private readonly TemporaryFolder _folder = new();
    private bool _isMounted;

    public static TheoryData<string> Places => [.. FaultPlace.All];

    public static TheoryData<string> PlacesOnFolders => [.. FaultPlace.OnFolders];

    public static TheoryData<string> PlacesWithQuota => ["file", "cached", "http"];

    private static readonly (string, string)[] InvalidNames =
    [
        ("config/a:b", "it contains ':', which not every platform allows in a file name"),
        ("config/../x", "it contains '..'"),
        ("config/A", "it contains the upper-case letter 'A'; names are lower case"),
        ("config/a b", "it contains a space"),
    ];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        if (_isMounted) await Programs.RunAsync("umount", _folder.Path);
        _folder.Dispose();
    }

    [Theory, MemberData(nameof(Places))]
    public async Task A_missing_item_has_the_same_message_on_every_backend(string kind)
    {
        await using var place = await MakeAsync(kind);
        await using var store = await place.CreateStoreAsync();
        foreach (var act in new Func<Task>[]
        {
            () => store.GetInfoAsync(Item, cancellationToken: Ct).AsTask(),
            () => store.LoadAsync(Item, cancellationToken: Ct).AsTask(),
            () => store.OpenReadAsync(Item, cancellationToken: Ct).AsTask(),
            () => store.DeleteAsync(Item, cancellationToken: Ct).AsTask(),
            () => store.SoftDeleteAsync(Item, Ct).AsTask(),
            () => store.HashAsync(Item, HashKind.Sha256, cancellationToken: Ct).AsTask(),
            () => store.MoveAsync(Item, Other, cancellationToken: Ct).AsTask(),
        })
            await SaysAsync(StoreError.ObjectNotFound, $"There is no item '{Item}'.", Item, act);
        await SaysAsync(StoreError.ObjectNotFound, $"There is no soft-deleted item '{Item}'.", Item, () => store.UndeleteAsync(Item, cancellationToken: Ct).AsTask());
        await SaysAsync(StoreError.ObjectNotFound, $"Could not read a part of '{Item}': there is no such item.", Item,
            () => store.DefragAsync("data", [new(Item, 0, 1)], HashKind.Sha256, Ct).AsTask());
    }

    [Theory, MemberData(nameof(Places))]
    public async Task An_existing_item_has_the_same_message_on_every_backend(string kind)
    {
        await using var place = await MakeAsync(kind);
        await using var store = await place.CreateStoreAsync();
        await store.StoreAsync(Item, new byte[3], cancellationToken: Ct);
        await store.StoreAsync(Other, new byte[3], cancellationToken: Ct);
        const string why = "an item with that name already exists and was not replaced.";
        await SaysAsync(StoreError.ObjectAlreadyExists, $"Could not store '{Item}': {why}", Item,
            () => store.StoreAsync(Item, new byte[1], StoreMode.CreateNew, Ct).AsTask());
        await SaysAsync(StoreError.ObjectAlreadyExists, $"Could not move '{Other}' to '{Item}': {why}", Item,
            () => store.MoveAsync(Other, Item, StoreMode.CreateNew, cancellationToken: Ct).AsTask());
        await store.SoftDeleteAsync(Item, Ct);
        await store.StoreAsync(Item, new byte[3], cancellationToken: Ct);
        await SaysAsync(StoreError.ObjectAlreadyExists, $"Could not restore '{Item}': {why}", Item, () => store.UndeleteAsync(Item, cancellationToken: Ct).AsTask());
    }

    [Theory, MemberData(nameof(Places))]
    public async Task A_missing_or_existing_store_has_the_same_message_on_every_backend(string kind)
    {
        await using var place = await MakeAsync(kind);
        const string missing = "no store exists at that location. Check the URL, or create a store there first.";
        await SaysAsync(StoreError.StoreDoesNotExist, $"Could not open the store '{place.Url}': {missing}", place.Url, () => place.OpenStoreAsync());
        await SaysAsync(StoreError.StoreDoesNotExist, $"Could not destroy the store '{place.Url}': {missing}", place.Url, async () =>
        {
            await using var backend = place.CreateBackend();
            await backend.DestroyAsync(Ct);
        });
        await using var store = await place.CreateStoreAsync();
        await store.StoreAsync(Item, new byte[1], cancellationToken: Ct);
        await SaysAsync(StoreError.StoreAlreadyExists,
            $"Could not create the store '{place.Url}': that location is already in use. Choose an empty location, or open the existing store.", place.Url, async () =>
        {
            await using var backend = place.CreateBackend();
            await backend.CreateAsync(Ct);
        });
    }

    [Theory, MemberData(nameof(Places))]
    public async Task A_range_outside_the_value_has_the_same_message_on_every_backend(string kind)
    {
        await using var place = await MakeAsync(kind);
        await using var store = await place.CreateStoreAsync();
        await store.StoreAsync(Item, new byte[3], cancellationToken: Ct);
        await SaysAsync(StoreError.ReadRange,
            $"Could not read a part of '{Item}': the requested range is outside the value. It has 3 bytes, and 5 bytes from offset 1 were requested.", Item,
            () => store.DefragAsync("data", [new(Item, 1, 5)], HashKind.Sha256, Ct).AsTask());
    }

    [Theory, MemberData(nameof(Places))]
    public async Task An_invalid_name_has_the_same_message_on_every_backend(string kind)
    {
        await using var place = await MakeAsync(kind);
        await using var store = await place.CreateStoreAsync();
        foreach (var (name, problem) in InvalidNames)
            await SaysAsync(StoreError.InvalidName, $"'{name}' is not a valid name: {problem}.", name, () => store.StoreAsync(name, new byte[1], cancellationToken: Ct).AsTask());
    }

    [Theory, MemberData(nameof(Places))]
    public async Task A_permission_denied_by_the_store_has_the_same_message_on_every_backend(string kind)
    {
        await using var place = await MakeAsync(kind);
        await using (var writer = await place.CreateStoreAsync()) await writer.StoreAsync(Item, new byte[3], cancellationToken: Ct);
        await using var store = await place.OpenStoreAsync(PermissionMap.Parse("""{"": "l"}"""));
        await SaysAsync(StoreError.PermissionDenied, $"Could not load '{Item}': permission is denied. The store's permissions require one of 'r' there.", Item,
            () => store.LoadAsync(Item, cancellationToken: Ct).AsTask());
        await SaysAsync(StoreError.PermissionDenied, $"Could not delete '{Item}': permission is denied. The store's permissions require one of 'D' there.", Item,
            () => store.DeleteAsync(Item, cancellationToken: Ct).AsTask());
    }

    [Theory, MemberData(nameof(PlacesWithQuota))]
    public async Task An_exceeded_quota_has_the_same_message_on_every_backend(string kind)
    {
        await using var place = await MakeAsync(kind, quota: 100);
        await using var store = await place.CreateStoreAsync();
        await store.StoreAsync(Other, new byte[60], cancellationToken: Ct);
        await SaysAsync(StoreError.QuotaExceeded,
            $"Could not store '{Item}': the quota is exceeded. The quota of 100 bytes has 40 left (60 are used), and this needs 50 more. Delete values, or raise the quota.",
            Item, () => store.StoreAsync(Item, new byte[50], cancellationToken: Ct).AsTask());
    }

    [Theory, MemberData(nameof(PlacesOnFolders))]
    public async Task A_full_disk_has_the_same_message_on_every_backend(string kind)
    {
        await MountAsync();
        await using var place = await MakeAsync(kind);
        await using var store = await place.CreateStoreAsync();
        var text = await FailAsync(StoreError.NoSpace, Item, () => store.StoreAsync(Item, new byte[3_000_000], cancellationToken: Ct).AsTask());
        AssertBetween($"Could not store '{Item}': the storage has no room left. ", text, " Free some space, then try again.");
    }

    [Theory, MemberData(nameof(PlacesOnFolders))]
    public async Task A_read_only_disk_has_the_same_message_on_every_backend(string kind)
    {
        await MountAsync();
        await using var place = await MakeAsync(kind);
        await using (var writer = await place.CreateStoreAsync()) await writer.StoreAsync(Item, new byte[3], cancellationToken: Ct);
        Assert.Equal(0, (await Programs.RunAsync("mount", "-o", "remount,ro", _folder.Path))!.Value.ExitCode);
        await using var store = await place.OpenStoreAsync();
        AssertBetween($"Could not store '{Other}': permission is denied. ",
            await FailAsync(StoreError.PermissionDenied, Other, () => store.StoreAsync(Other, new byte[3], cancellationToken: Ct).AsTask()), ".");
        AssertBetween($"Could not delete '{Item}': permission is denied. ",
            await FailAsync(StoreError.PermissionDenied, Item, () => store.DeleteAsync(Item, cancellationToken: Ct).AsTask()), ".");
    }

    private Task<FaultPlace> MakeAsync(string kind, long? quota = null) => FaultPlace.MakeAsync(kind, ceph, _folder.Path, quota);

    private static async Task SaysAsync(StoreError error, string text, string target, Func<Task> act)
        => Assert.Equal(text, await FailAsync(error, target, act));

    // Secrets must not appear anywhere, not even in inner exceptions.
    private static async Task<string> FailAsync(StoreError error, string target, Func<Task> act)
    {
        var exception = await Assert.ThrowsAsync<StoreException>(act);
        TestContext.Current.TestOutputHelper?.WriteLine(exception.Message);
        Assert.Equal(error, exception.Error);
        Assert.Equal(target, exception.Name);
        return exception.Message;
    }

    private static void AssertBetween(string start, string text, string end)
    {
        Assert.StartsWith(start, text, StringComparison.Ordinal);
        Assert.EndsWith(end, text, StringComparison.Ordinal);
        Assert.DoesNotContain("/borgstore-", text, StringComparison.Ordinal);
    }

    private async Task MountAsync()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("A file system in memory is mounted on Linux only.");
        if (await Programs.RunAsync("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", _folder.Path) is not (0, _)) Assert.Skip("Mounting needs to be root.");
        _isMounted = true;
    }
}
