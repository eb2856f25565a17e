using System.Runtime.CompilerServices;
using BorgStore.Backends;

namespace BorgStore.Server.Http;

/// <summary>A page of the files of a tree: those after a given one, directory by directory in ordinal order, so that a page can continue where
/// the previous one ended without any state on the server.</summary>
/// <param name="Scope">Equal for all requests on the same open store with the same permissions.</param>
/// <param name="Directory">The directory; <c>""</c> for the root.</param>
/// <param name="Prefix">The start of the names in that directory; <c>""</c> for all.</param>
/// <param name="TellsUnreadable">Whether directories that cannot be read are listed; otherwise the first of them is a failure.</param>
/// <param name="After">The path of the last file of the previous page, relative to the directory, or null for the first page.</param>
internal sealed record TreePage(object Scope, string Directory, string Prefix, bool TellsUnreadable, string? After)
{
    /// <summary>Lists the files from the start of the page to the end of the tree.</summary>
    /// <param name="backend">The store.</param>
    /// <param name="unreadable">Collects directories that cannot be read, or <see langword="null"/> to fail at the first one.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async IAsyncEnumerable<ItemInfo> WalkAsync(
        IBackend backend, UnreadableDirectories? unreadable, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var seen = After?.Split('/') ?? [];
        var open = new Stack<Level>();
        open.Push(new(null, "", List(Directory, Prefix), IsOnSeenPath: seen.Length > 0));
        try
        {
            while (open.TryPeek(out var level))
            {
                if (!await TreeWalk.MoveNextAsync(level.Items, level.Below, unreadable))
                {
                    await open.Pop().Items.DisposeAsync();
                    continue;
                }
                var item = level.Items.Current;
                var seenHere = level.IsOnSeenPath && open.Count <= seen.Length ? seen[open.Count - 1] : null;
                var order = seenHere is null ? 1 : string.CompareOrdinal(item.Name, seenHere);
                if (order < 0) continue;

                var path = level.Path + item.Name;
                if (item.IsDirectory)
                {
                    var name = Directory.Length == 0 ? path : $"{Directory}/{path}";
                    open.Push(new(name, path + "/", List(name, ""), IsOnSeenPath: order == 0));
                }
                else if (order > 0)
                {
                    yield return item with { Name = path };
                }
            }
        }
        finally
        {
            foreach (var level in open) await level.Items.DisposeAsync();
        }

        IAsyncEnumerator<ItemInfo> List(string name, string start)
            => backend.ListAsync(name, ListScope.OneLevel, start, cancellationToken).GetAsyncEnumerator(cancellationToken);
    }

    private readonly record struct Level(string? Below, string Path, IAsyncEnumerator<ItemInfo> Items, bool IsOnSeenPath);
}
