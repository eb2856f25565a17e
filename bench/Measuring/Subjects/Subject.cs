using BorgStore.Benchmarks.Measuring.Model;

namespace BorgStore.Benchmarks.Measuring.Subjects;

/// <summary>Something that performs operations: our library, our cmdlets, another program, or the least that the work takes.</summary>
/// <param name="name">The name in results.</param>
/// <param name="role">Whose work it is.</param>
/// <param name="does">Whether it does a case.</param>
internal abstract class Subject(string name, Role role, Func<Case, bool> does) : IAsyncDisposable
{
    private readonly HashSet<string> _refused = [];
    private bool _hasEnded;

    public string Name => name;

    public Role Role => role;

    /// <summary>Whether it is warm only after a while.</summary>
    public virtual bool NeedsWarmUp => false;

    /// <summary>The number of items that suffices, because each takes long. The time of more is computed of these.</summary>
    public int MostItems { get; init; } = int.MaxValue;

    public bool Does(Case @case) => !_hasEnded && !_refused.Contains(@case.Operation + @case.Size + @case.Concurrency) && does(@case);

    /// <summary>Remembers that a case fails, so that it is not tried again.</summary>
    public void Refuse(Case @case) => _refused.Add(@case.Operation + @case.Size + @case.Concurrency);

    /// <summary>Remembers that it can do nothing any more.</summary>
    protected SubjectException End(string message)
    {
        _hasEnded = true;
        return new(message);
    }

    /// <summary>Performs the operation of a case on all its items.</summary>
    /// <param name="case">The case.</param>
    /// <param name="least">For how long an operation that changes nothing is repeated; the average is returned.</param>
    /// <exception cref="SubjectException">The operation failed.</exception>
    public abstract Task<Measurement> MeasureAsync(Case @case, TimeSpan least);

    public virtual ValueTask DisposeAsync() => default;
}

/// <summary>What a subject did: for all items of a case together.</summary>
internal readonly record struct Measurement(double Nanoseconds, long? Allocated = null, long? Requests = null);

/// <summary>An operation failed, or there is no such operation.</summary>
internal sealed class SubjectException(string message) : Exception(message);
