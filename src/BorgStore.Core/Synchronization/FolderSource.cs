using BorgStore.Hashing;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore.Synchronization;

/// <summary>The items in a folder, as they are exported.</summary>
/// <param name="folder">The absolute path.</param>
/// <param name="layout">The namespaces, which a folder does not show.</param>
internal sealed class FolderSource(string folder, StoreLayout layout) : ItemSource
{
    public override string Url => folder;

    public override StoreLayout Layout => layout;

    public override bool IsSorted(NamespaceLayout ns) => false;

    public override async IAsyncEnumerable<StoreItem> ListAsync(
        NamespaceLayout ns, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        var path = ItemPath.Combine(folder, ns.Name);
        if (!Directory.Exists(path)) yield break;
        foreach (var (file, name, isDeleted) in ItemPath.Enumerate(folder, path))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (layout.Find(name) == ns) yield return new(name, ns.Name, file.Length, isDeleted, Level: 0, null, file.LastWriteTimeUtc);
        }
    }

    public override async ValueTask<string> HashAsync(StoreItem item, HashKind algorithm, CancellationToken cancellationToken)
    {
        try
        {
            var stream = new FileStream(ItemPath.Combine(folder, item.Name, item.IsDeleted), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            await using (stream.ConfigureAwait(false)) return await algorithm.ComputeHexAsync(stream, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreException(StoreError.BackendFailure, $"Could not read '{item.Name}' in '{folder}': {e.Message}", item.Name, e);
        }
    }
}
