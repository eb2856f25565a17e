using System.Runtime.CompilerServices;
using BorgStore.Backends;
using BorgStore.Naming;

namespace BorgStore.Verification;

/// <summary>Finds items of a Borg 2 repository that should be there according to others that can be read without a key.</summary>
internal sealed class MissingItems(Store store)
{
    private const string Packs = "packs";
    private const string Index = "index";
    private const string Archives = "archives";
    private const string Data = "data";

    // Borg leaves it there while its index may refer to packs that it has deleted.
    private const string InvalidIndex = "cache/chunkindex-invalid";

    /// <summary>Whether anything was found that tells which items there should be.</summary>
    public bool KnowsExpected { get; private set; }

    /// <summary>Finds the missing items.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task<List<VerificationFinding>> FindAsync(CancellationToken cancellationToken)
    {
        var findings = new List<VerificationFinding>();
        await FindPacksAsync(findings, cancellationToken).ConfigureAwait(false);
        await FindArchivesAsync(findings, cancellationToken).ConfigureAwait(false);
        return findings;
    }

    private async Task FindPacksAsync(List<VerificationFinding> findings, CancellationToken cancellationToken)
    {
        if (!Has(Packs) || !Has(Index)) return;
        if (await store.Storage.FindAsync(InvalidIndex, cancellationToken).ConfigureAwait(false) is not null) return;
        var expected = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var fragment in store.ListAsync(Index, ItemSelection.Live, cancellationToken).ConfigureAwait(false))
            KnowsExpected |= await ReadFragmentAsync(fragment.Name, expected, cancellationToken).ConfigureAwait(false);
        if (expected.Count == 0) return;
        await foreach (var pack in ListAsync(Packs, cancellationToken).ConfigureAwait(false)) expected.Remove(pack.Key);
        foreach (var key in expected.Order(StringComparer.Ordinal))
            await AddIfMissingAsync(findings, $"{Packs}/{key}", "The index has chunks in this pack", cancellationToken).ConfigureAwait(false);
    }

    private bool Has(string ns) => store.Layout.FindNamespace(ns) is not null;

    private async ValueTask<bool> ReadFragmentAsync(string name, HashSet<string> expected, CancellationToken cancellationToken)
    {
        try
        {
            if (await store.Storage.LoadAsync(name, ByteRange.Whole, cancellationToken).ConfigureAwait(false) is not { } value) return false;
            await using (value.ConfigureAwait(false)) return await ChunkIndex.TryReadAsync(value, expected, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (ItemVerifier.ConcernsOneItem(e))
        {
            // It is reported when its turn comes.
            return false;
        }
    }

    // Repositories of the betas before packs have the metadata of each archive in an item of the archive's id.
    private async Task FindArchivesAsync(List<VerificationFinding> findings, CancellationToken cancellationToken)
    {
        if (!Has(Data) || !Has(Archives)) return;
        var hasData = false;
        await foreach (var _ in ListAsync(Data, cancellationToken).ConfigureAwait(false))
        {
            hasData = true;
            break;
        }
        if (!hasData) return;
        KnowsExpected = true;
        await foreach (var archive in ListAsync(Archives, cancellationToken).ConfigureAwait(false))
            await AddIfMissingAsync(findings, $"{Data}/{archive.Key}", $"It has the metadata of the archive '{archive.Name}'", cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask AddIfMissingAsync(List<VerificationFinding> findings, string name, string reason, CancellationToken cancellationToken)
    {
        // Looked for again, because the listing may be older than the item.
        if (await FindAsync(name, deleted: false, cancellationToken).ConfigureAwait(false)) return;
        var isDeleted = await FindAsync(name, deleted: true, cancellationToken).ConfigureAwait(false);
        findings.Add(new(name, VerificationProblem.Missing, $"{reason}, but it is not there. "
            + (isDeleted ? "It was soft-deleted; Restore-BorgStoreItem brings it back." : "Copy it from a mirror of the repository, or let 'borg check --repair' do without it.")));
    }

    private async ValueTask<bool> FindAsync(string name, bool deleted, CancellationToken cancellationToken)
    {
        foreach (var level in store.Layout.Find(name)!.Levels)
            if (await store.Storage.FindAsync(Nesting.Nest(name, level, deleted), cancellationToken).ConfigureAwait(false) is { IsDirectory: false }) return true;
        return false;
    }

    private async IAsyncEnumerable<StoreItem> ListAsync(
        string ns, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var items = store.ListAsync(ns, ns == Archives ? ItemSelection.All : ItemSelection.Live, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (items.ConfigureAwait(false))
            while (await MoveNextAsync().ConfigureAwait(false)) yield return items.Current;

        async ValueTask<bool> MoveNextAsync()
        {
            try
            {
                return await items.MoveNextAsync().ConfigureAwait(false);
            }
            catch (StoreException e) when (UnreadableDirectories.CanGoOnAfter(e))
            {
                // The directories that cannot be read are reported when their turn comes.
                return false;
            }
        }
    }
}
