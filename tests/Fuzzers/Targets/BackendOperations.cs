using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Naming;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>The operations of a backend, chosen by a letter, with what must be true of their results.</summary>
internal static class BackendOperations
{
    private static readonly Func<IBackend, Task>[] All =
    [
        async backend => Check.That(await backend.FindAsync("data/a", default) is null or { Size: >= 0 }, () => "A size is negative."),
        backend => ReadAsync(backend, ByteRange.Whole),
        backend => ReadAsync(backend, new(1, 3)),
        backend => ReadAsync(backend, new(-3)),
        backend => ListAsync(backend.ListAsync("data", ListScope.OneLevel, default)),
        backend => ListAsync(backend.ListAsync("data", ListScope.Tree, default)),
        backend => ListAsync(backend.ListAsync("", ListScope.Tree, default)),
        backend => backend.DeleteAsync("data/a", default).AsTask(),
        async backend => CheckDigest(await backend.HashAsync("data/a", HashKind.Sha256, default)),
        backend => backend.MoveAsync("data/a", "data/b", StoreMode.Overwrite, default).AsTask(),
        backend => backend.MoveAsync("data/a", "data/b", StoreMode.CreateNew, default).AsTask(),
        async backend => Check.That(await backend.GetQuotaAsync(default) is { Limit: null or >= 0, Used: null or >= 0 }, () => "A quota is negative."),
        ListTemporaryAsync,
        GatherAsync,
        backend => backend.DeleteManyAsync(["data/a", "data/b"], default).AsTask(),
        backend => backend.StoreAsync("data/a", "0123456789"u8.ToArray(), StoreMode.Overwrite, default).AsTask(),
        backend => backend.StoreAsync("data/a", "0123456789"u8.ToArray(), StoreMode.CreateNew, default).AsTask(),
        async backend => Check.Equal("data/c", await backend.DefragAsync(new([new("data/a", 0, 2), new("data/b", 1, 2)]) { Target = "data/c" }, default), "the name of what was defragmented"),
        async backend =>
        {
            var name = await backend.DefragAsync(new([new("data/a", 0, 2)]) { Algorithm = HashKind.Sha256, Namespace = "data" }, default);
            Check.That(name.StartsWith("data/", StringComparison.Ordinal) && name.Length >= 69, () => $"A defragmentation made '{name}'.");
        },
        backend => backend.FlushAsync(default).AsTask(),
        backend => backend.MakeDirectoryAsync("data/xy", default).AsTask(),
        backend => backend.RemoveDirectoryAsync("data/xy", default).AsTask(),
        backend => backend.DeleteTemporaryAsync(new("data/x.tmp", 1, default), default).AsTask(),
        backend => backend.FindOrigin("data/a") is { } origin ? backend.CopyFromAsync(origin, "data/b", StoreMode.Overwrite, default).AsTask() : Task.CompletedTask,
    ];

    /// <summary>Runs an operation to its end.</summary>
    /// <param name="backend">The open backend.</param>
    /// <param name="letter">The letter of the operation, from <c>a</c>.</param>
    public static void Run(IBackend backend, byte letter) => Check.Completes(() => All[(letter - 'a' + (256 * All.Length)) % All.Length](backend));

    private static async Task ReadAsync(IBackend backend, ByteRange range)
    {
        if (await backend.LoadAsync("data/a", range, default) is not { } value) return;
        await using (value)
        {
            Check.That(value.Length >= 0 && value.Length <= (range.Length ?? long.MaxValue), () => $"{range} of a value has {value.Length} bytes.");
            if (value.Length < 1 << 20) Check.Equal(value.Length, (await value.ReadToEndAsync(default)).Length, "the length of a value");
        }
    }

    private static async Task GatherAsync(IBackend backend)
    {
        await using var value = await backend.GatherAsync([new("data/a", 0, 6), new("data/b", -2, 2)], default);
        Check.Equal(8, value.Length, "the length of what was gathered");
        Check.Equal(8, (await value.ReadToEndAsync(default)).Length, "the bytes of what was gathered");
    }

    private static async Task ListAsync(IAsyncEnumerable<ItemInfo> items)
    {
        string? last = null;
        await foreach (var item in items)
        {
            Check.That(item.Size >= 0 && item.Name.Split('/').All(element => ItemName.IsListable(element) && element is not ("." or "..")), () => $"'{item.Name}' is in a listing.");
            Check.That(last is null || TreeWalk.ComparePaths(last, item.Name) <= 0, () => $"'{item.Name}' is listed after '{last}'.");
            last = item.Name;
        }
    }

    private static async Task ListTemporaryAsync(IBackend backend)
    {
        await foreach (var item in backend.ListTemporaryAsync(TimeSpan.FromSeconds(-1), default))
            Check.That(item.Size >= 0 && ItemName.IsTemporary(item.Id), () => $"'{item.Id}' is listed as a temporary item.");
    }

    private static void CheckDigest(string? digest) => Check.That(digest is null || (digest.Length == 64 && digest.All(char.IsAsciiHexDigitLower)), () => $"'{digest}' is no digest.");
}
