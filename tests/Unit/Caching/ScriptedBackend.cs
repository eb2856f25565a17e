using BorgStore.Backends;

namespace BorgStore.Tests.Caching;

/// <summary>A backend that a test can watch, delay or break.</summary>
internal sealed class ScriptedBackend(IBackend inner) : DelegatingBackend(inner)
{
    private int _loads;

    public int Loads => Volatile.Read(ref _loads);

    /// <summary>Called before every operation on a name, with the operation and the name.</summary>
    public Func<string, string, Task>? Before { get; set; }

    /// <summary>Replaces loaded values.</summary>
    public Func<ValueStream, ValueStream>? OnLoaded { get; set; }

    public override async Task OpenAsync(CancellationToken cancellationToken)
    {
        await CallAsync("open", "");
        await base.OpenAsync(cancellationToken);
    }

    public override async ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
    {
        await CallAsync("find", name);
        return await base.FindAsync(name, cancellationToken);
    }

    public override async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        if (!name.EndsWith(".hid", StringComparison.Ordinal)) Interlocked.Increment(ref _loads);
        await CallAsync("load", name);
        var value = await base.LoadAsync(name, range, cancellationToken);
        return value is not null && OnLoaded is { } replace ? replace(value) : value;
    }

    public override async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        await CallAsync("store", name);
        await base.StoreAsync(name, value, mode, cancellationToken);
    }

    public override async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        await CallAsync("delete", name);
        return await base.DeleteAsync(name, cancellationToken);
    }

    public override async ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        await CallAsync("move", name);
        return await base.MoveAsync(name, newName, mode, cancellationToken);
    }

    public override async IAsyncEnumerable<ItemInfo> ListAsync(
        string directory, ListScope scope, string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await CallAsync("list", directory);
        await foreach (var item in base.ListAsync(directory, scope, prefix, cancellationToken)) yield return item;
    }

    private Task CallAsync(string operation, string name) => Before?.Invoke(operation, name) ?? Task.CompletedTask;
}
