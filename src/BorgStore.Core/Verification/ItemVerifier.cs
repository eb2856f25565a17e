using System.Buffers.Binary;
using BorgStore.Hashing;
using BorgStore.Layout;

namespace BorgStore.Verification;

/// <summary>An item whose value is to be checked.</summary>
/// <param name="Path">The nested name, where it was found.</param>
/// <param name="Name">The name to report.</param>
/// <param name="Namespace">The namespace.</param>
/// <param name="Key">The key.</param>
/// <param name="Size">The size of the value [bytes].</param>
/// <param name="IsDeleted">Whether it is soft-deleted.</param>
internal readonly record struct ListedItem(string Path, string Name, string Namespace, string Key, long Size, bool IsDeleted)
{
    /// <summary>The full name, even if the item is in the wrong place.</summary>
    public string FullName => Namespace.Length == 0 ? Key : $"{Namespace}/{Key}";
}

/// <summary>The result of checking a value.</summary>
/// <param name="WasThere">Whether the item still existed.</param>
/// <param name="IsCheckable">Whether its key is the hash of its value.</param>
/// <param name="Finding">What is wrong with it, if anything is.</param>
internal readonly record struct ItemResult(bool WasThere, bool IsCheckable, VerificationFinding? Finding = null);

/// <summary>Checks values of a store, reading each one once, in the storage itself if it can.</summary>
internal sealed class ItemVerifier(Store store, BorgRepository? borg)
{
    private const string OldData = "data";
    private const int OldHeaderSize = 24;

    // Every storage that hashes by itself has this one.
    private static readonly HashKind ForReading = HashKind.Sha256;

    private readonly DigestAlgorithmDetector _detector = new(store);

    /// <summary>Returns whether a failure is that of one item, so that others may still be checked.</summary>
    public static bool ConcernsOneItem(StoreException e)
        => e.Error is StoreError.BackendFailure or StoreError.PermissionDenied or StoreError.ObjectNotFound or StoreError.InvalidName or StoreError.HashMismatch or StoreError.NotSupported;

    /// <summary>Returns whether a file cannot be an item of its namespace, because the keys there are digests and its key is none.</summary>
    /// <param name="item">The file.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask<bool> IsForeignAsync(ListedItem item, CancellationToken cancellationToken)
        => borg is null && DigestAlgorithmDetector.CandidatesFor(item.Key).Count == 0
            && await _detector.HasDigestKeysAsync(item.Namespace, cancellationToken).ConfigureAwait(false);

    /// <summary>Checks an item.</summary>
    /// <exception cref="StoreException">The storage cannot be reached, for example.</exception>
    public async ValueTask<ItemResult> CheckAsync(ListedItem item, CancellationToken cancellationToken)
    {
        try
        {
            var candidates = DigestAlgorithmDetector.CandidatesFor(item.Key);
            var kind = candidates.Count > 0 && MayBeContentAddressed(item.Namespace) ? await DetectAsync(item, candidates, cancellationToken).ConfigureAwait(false) : null;
            return kind is null ? await ReadAsync(item, candidates, cancellationToken).ConfigureAwait(false)
                : await CompareAsync(item, kind, candidates, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (ConcernsOneItem(e))
        {
            return new(WasThere: true, IsCheckable: true, new(item.Name, VerificationProblem.Unreadable, e.Message, Size: item.Size, IsDeleted: item.IsDeleted));
        }
    }

    private string Advice => borg is null ? "Copy the item from a mirror." : "Copy the item from a mirror, or let 'borg check --repair' do without it.";

    private bool MayBeContentAddressed(string ns) => borg is null || BorgRepository.IsContentAddressed(ns);

    private async ValueTask<HashKind?> DetectAsync(ListedItem item, IReadOnlyList<HashKind> candidates, CancellationToken cancellationToken)
    {
        var kind = await _detector.DetectAsync(item.FullName, cancellationToken).ConfigureAwait(false);
        // Borg's keys are hashes even if no other item shows by which algorithm.
        if (kind is null && borg is not null) return HashKind.Sha256;
        return kind is not null && candidates.Contains(kind) ? kind : null;
    }

    private async ValueTask<ItemResult> CompareAsync(
        ListedItem item, HashKind kind, IReadOnlyList<HashKind> candidates, CancellationToken cancellationToken)
    {
        if (await store.Storage.HashAsync(item.Path, kind, cancellationToken).ConfigureAwait(false) is not { } digest)
            return await LookAgainAsync(item, cancellationToken).ConfigureAwait(false);
        if (digest == item.Key) return new(WasThere: true, IsCheckable: true);
        // Borg's newer versions name items by another algorithm than older ones.
        foreach (var other in candidates)
            if (other != kind && await store.Storage.HashAsync(item.Path, other, cancellationToken).ConfigureAwait(false) == item.Key)
                return new(WasThere: true, IsCheckable: true);

        var (problem, reason) = item is { Namespace: "packs" } && borg is not null
                ? await PackWalk.DescribeAsync(store.Storage, item.Path, item.Size, cancellationToken).ConfigureAwait(false)
            : item.Size == 0 ? (VerificationProblem.Truncated, "The value is empty.")
            : (VerificationProblem.Damaged, "The value has changed since it was stored.");
        return new(WasThere: true, IsCheckable: true,
            new(item.Name, problem, $"{reason} {Advice}", item.Key, digest, item.Size, item.IsDeleted));
    }

    // The key says nothing about the value, but the storage has to be able to read it.
    private async ValueTask<ItemResult> ReadAsync(ListedItem item, IReadOnlyList<HashKind> candidates, CancellationToken cancellationToken)
    {
        if (item.Size == 0) return new(WasThere: true, IsCheckable: false);
        var kind = candidates.Count > 0 ? candidates[0] : ForReading;
        if (await store.Storage.HashAsync(item.Path, kind, cancellationToken).ConfigureAwait(false) is not { } digest)
            return await LookAgainAsync(item, cancellationToken).ConfigureAwait(false);
        if (digest == item.Key)
        {
            _detector.Remember(item.FullName, kind);
            return new(WasThere: true, IsCheckable: true);
        }
        return borg is not null && item.Namespace == OldData
            ? new(WasThere: true, IsCheckable: false, await CheckOldObjectAsync(item, cancellationToken).ConfigureAwait(false))
            : new(WasThere: true, IsCheckable: false);
    }

    // The betas before packs have one object in each item, whose header has the sizes of its metadata and data.
    private async ValueTask<VerificationFinding?> CheckOldObjectAsync(ListedItem item, CancellationToken cancellationToken)
    {
        if (await store.Storage.LoadAsync(item.Path, new(0, OldHeaderSize), cancellationToken).ConfigureAwait(false) is not { } value) return null;
        await using (value.ConfigureAwait(false))
        {
            var header = await value.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
            var expected = header.Length < OldHeaderSize ? OldHeaderSize : OldHeaderSize + (long)BinaryPrimitives.ReadUInt32LittleEndian(header) + BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4));
            if (header.Length == OldHeaderSize && expected == item.Size) return null;
            return new(item.Name, item.Size < expected ? VerificationProblem.Truncated : VerificationProblem.Damaged,
                $"The object has {item.Size} bytes, but needs {expected} by its header. {Advice}",
                Size: item.Size, IsDeleted: item.IsDeleted);
        }
    }

    // What is listed but cannot be opened is something else than a file; what is gone was deleted in the meantime.
    private async ValueTask<ItemResult> LookAgainAsync(ListedItem item, CancellationToken cancellationToken)
        => await store.Storage.FindAsync(item.Path, cancellationToken).ConfigureAwait(false) is null
            ? new(WasThere: false, IsCheckable: false)
            : new(WasThere: true, IsCheckable: false, new(item.Name, VerificationProblem.Unreadable,
                "It is listed, but is not a regular file that could be opened. Remove it from the storage.", IsDeleted: item.IsDeleted));
}
