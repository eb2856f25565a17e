using System.Security.Cryptography;
using System.Text;

namespace BorgStore.Tests.Server.Scale;

/// <summary>The requests that clients made, counted by what the server should have counted and logged.</summary>
internal sealed class RequestCounts
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Operation, string Status), long> _requests = [];
    private readonly Dictionary<ChangeKind, ChangeSum> _changes = [];
    private readonly Dictionary<int, long> _statuses = [];

    /// <summary>The number of all requests.</summary>
    public long Total
    {
        get
        {
            lock (_lock) return _requests.Values.Sum();
        }
    }

    /// <summary>The bytes of the bodies of all requests to store a value.</summary>
    public long Stored { get; private set; }

    /// <summary>The bytes of the bodies of all answers to loads.</summary>
    public long Loaded { get; private set; }

    /// <summary>Counts an answered request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="answer">Its answer.</param>
    public void Add(ClientRequest request, Answer answer)
    {
        lock (_lock)
        {
            Increase(_requests, (request.Operation, $"{answer.Status / 100}xx"));
            Increase(_statuses, answer.Status);
            if (request.Operation == "store") Stored += request.Body.Length;
            if (request.Operation == "load") Loaded += answer.Body.Length;
            // Requests of strangers are not in the audit log.
            if (request.IsChange && answer.Status != 401)
                Add(_changes, new(request.User, request.Operation, request.Store, answer.Status), $"{request.Name}>{request.NewName}");
        }
    }

    /// <summary>Returns the number of answers with a status.</summary>
    public long Count(int status)
    {
        lock (_lock) return _statuses.GetValueOrDefault(status);
    }

    /// <summary>Returns the requests by operation and class of status.</summary>
    public SortedDictionary<string, long> GetRequests()
    {
        lock (_lock) return new(_requests.ToDictionary(pair => $"{pair.Key.Operation} {pair.Key.Status}", pair => pair.Value), StringComparer.Ordinal);
    }

    /// <summary>Returns the changes, one line for each kind: how many, and the sum of the hashes of the items, so that millions of them need no memory.</summary>
    public SortedSet<string> GetChanges()
    {
        lock (_lock) return Describe(_changes);
    }

    /// <summary>Adds a change to others.</summary>
    public static void Add(Dictionary<ChangeKind, ChangeSum> changes, ChangeKind kind, string items)
    {
        var sum = changes.GetValueOrDefault(kind);
        changes[kind] = new(sum.Count + 1, unchecked(sum.Hashes + BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes(items)))));
    }

    /// <summary>Returns changes as text, to compare them.</summary>
    public static SortedSet<string> Describe(Dictionary<ChangeKind, ChangeSum> changes)
        => new(changes.Select(pair => $"{pair.Key.User} {pair.Key.Operation} {pair.Key.Store} {pair.Key.Status}: {pair.Value.Count}, {pair.Value.Hashes:x16}"), StringComparer.Ordinal);

    private static void Increase<T>(Dictionary<T, long> counts, T key) where T : notnull => counts[key] = counts.GetValueOrDefault(key) + 1;
}

/// <summary>What changes have in common that are counted together.</summary>
internal readonly record struct ChangeKind(string User, string Operation, string Store, int Status);

/// <summary>A number of changes, and the sum of the hashes of their items, in any order.</summary>
internal readonly record struct ChangeSum(long Count, ulong Hashes);
