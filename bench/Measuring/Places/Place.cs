using BorgStore.Benchmarks.Measuring.Model;

namespace BorgStore.Benchmarks.Measuring.Places;

/// <summary>A backend with its servers and peers, or another group of measurements that are taken together.</summary>
internal abstract class Place
{
    protected const long KiB = 1 << 10;
    protected const long MiB = 1 << 20;

    public abstract string Name { get; }

    /// <summary>How long it is measured without <c>--quick</c>, besides the start of the servers.</summary>
    public abstract TimeSpan Budget { get; }

    /// <summary>Whether it is measured without <c>--only</c>.</summary>
    public virtual bool IsUsual => true;

    /// <summary>Whether the costs besides time are counted.</summary>
    public virtual bool HasCosts => true;

    /// <summary>The cases, in the order in which they are best performed.</summary>
    public abstract IEnumerable<Case> Cases(RunOptions options);

    /// <summary>Divides the cases into groups, each of which has its own rounds.</summary>
    public virtual IEnumerable<IReadOnlyList<Case>> Group(IReadOnlyList<Case> cases) => [cases];

    /// <summary>Starts the servers, and adds the subjects to the session.</summary>
    public abstract Task StartAsync(Session session, RunOptions options);

    /// <summary>Creates every place.</summary>
    public static IReadOnlyList<Place> CreateAll() =>
    [
        new FilePlace(), new CachedPlace(), new HashPlace(), new RestPlace(), new RestSocketPlace(), new RestStdioPlace(), new SftpPlace(),
        new S3Place(), new RclonePlace(), new S3WholePlace(), new StartPlace(), new BorgPlace(), new GrowthPlace(),
    ];

    /// <summary>Returns every operation on every size, so many at a time.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="concurrencies">The numbers of operations at a time.</param>
    /// <param name="speed">How fast the place is compared with a folder, which determines the number of items.</param>
    protected IEnumerable<Case> Matrix(RunOptions options, int[] concurrencies, double speed)
    {
        foreach (var size in new[] { 0, KiB, 64 * KiB, MiB, 64 * MiB })
        {
            foreach (var concurrency in concurrencies)
            {
                // One large value uses all there is, and several need too much memory.
                if (size == 64 * MiB && concurrency > 1) continue;
                var count = size switch { 0 or KiB => 2000, 64 * KiB => 400, MiB => 50, _ => 4 };
                count = size == 64 * MiB ? Math.Max(2, options.IsQuick ? 1 : 4) : Math.Max(20, (int)(count * speed / (options.IsQuick ? 5 : 1)));
                foreach (var operation in Operations)
                {
                    if (size == 0 && operation is "range" or "defrag") continue;
                    if (!options.MeasuresAll && !Matters(operation, size, concurrency)) continue;
                    yield return new(Name, operation, size, concurrency, count);
                }
            }
        }
    }

    // Each operation uses what the one before it left, so that nothing is stored only to be measured.
    private static readonly string[] Operations = ["store", "load", "range", "info", "list", "list-all", "hash", "move", "defrag", "soft-delete", "delete"];

    // The others take the same time as these: what concerns only names does not depend on the size of values.
    private static bool Matters(string operation, long size, int concurrency) => operation switch
    {
        "store" or "load" or "delete" => true,
        "range" => size is KiB or MiB,
        "hash" or "defrag" => size is KiB or 64 * MiB && (operation == "hash" || concurrency == 1),
        "list" or "list-all" => size == KiB && concurrency == 1,
        _ => size == KiB,
    };
}
