using System.Globalization;
using System.Runtime.CompilerServices;

namespace BorgStore.Backends.Rest;

/// <content>Listings.</content>
internal sealed partial class RestBackend
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<ItemInfo> ListAsync(
        string directory, ListScope scope, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (scope == ListScope.Tree && !HasExtensions)
        {
            await foreach (var item in TreeWalk.ListAsync(this, directory, cancellationToken).ConfigureAwait(false)) yield return item;
            yield break;
        }
        var unreadable = new UnreadableDirectories();
        string? after = null;
        do
        {
            ListingPage page;
            using (_gate.Enter(cancellationToken))
                page = await ListPageAsync(directory, scope, after, cancellationToken).ConfigureAwait(false);
            foreach (var item in page.Items)
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return item;
            }
            after = page.Next;
            foreach (var name in page.Unreadable ?? [])
            {
                var reason = StoreException.While(page.Error, $"list '{name}'", name);
                if (!unreadable.TryAdd(name, reason)) throw reason;
            }
        }
        while (after is not null);
        if (unreadable.Failure is { } failure) throw failure;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(TimeSpan olderThan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<TemporaryItem> items;
        using (_gate.Enter(cancellationToken))
        {
            DemandExtensions();
            items = await _client.SendAsync(
                () => _transport.CreateRequest(HttpMethod.Get, $"/?cmd=temporaries&age={Math.Max(0, (long)olderThan.TotalSeconds)}"),
                async answer =>
                {
                    await answer.DemandAsync(null).ConfigureAwait(false);
                    return await RestJson.ReadTemporariesAsync(answer).ConfigureAwait(false);
                }, Repeat.Freely, takesLong: true, cancellationToken).ConfigureAwait(false);
        }
        foreach (var item in items)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return item;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        DemandExtensions();
        // What was written to since is left alone.
        var written = (item.LastWriteTime - DateTime.UnixEpoch).Ticks / (decimal)TimeSpan.TicksPerSecond;
        return await RemoveAsync(string.Create(CultureInfo.InvariantCulture, $"/?cmd=temporary&id={Escape(item.Id)}&mtime={written}"), item.Id, cancellationToken).ConfigureAwait(false);
    }

    // A page is read as a whole before anything of it is given out, so that a slow reader keeps no connection from others and a lost
    // one is made good.
    private Task<ListingPage> ListPageAsync(string directory, ListScope scope, string? after, CancellationToken cancellationToken)
    {
        var target = directory.Length == 0 ? "//" : Target(directory) + "/";
        if (scope == ListScope.Tree) target += "?cmd=tree&unreadable=tell" + (after is null ? "" : $"&after={Escape(after)}");
        return _client.SendAsync(() => _transport.CreateRequest(HttpMethod.Get, target), async answer =>
        {
            await answer.DemandAsync(directory).ConfigureAwait(false);
            return scope == ListScope.Tree
                ? await RestJson.ReadTreePageAsync(answer, after).ConfigureAwait(false)
                : new(await RestJson.ReadItemsAsync(answer).ConfigureAwait(false), Next: null);
        }, Repeat.Freely, takesLong: false, cancellationToken);
    }

    private void DemandExtensions()
    {
        if (!HasExtensions)
            throw new StoreException(StoreError.NotSupported, $"The REST server at '{_shownUrl}' does not tell of unfinished uploads.", _shownUrl);
    }
}
