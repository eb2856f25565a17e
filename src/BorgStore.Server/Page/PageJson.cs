using System.Text.Json.Serialization;
using BorgStore.Server.Observability;

namespace BorgStore.Server.Page;

/// <summary>The body of a login.</summary>
internal sealed record LoginBody(string? User, string? Password);

/// <summary>A refusal.</summary>
internal sealed record ErrorView(string Error);

/// <summary>Who looks at the page.</summary>
/// <param name="User">The user; <see langword="null"/> on a server without users.</param>
/// <param name="IsAdmin">Whether he sees everything and may start verifications.</param>
internal sealed record SessionView(string? User, bool IsAdmin);

/// <summary>The stores that a user may see.</summary>
internal sealed record StoresView(DateTime Time, IReadOnlyList<StoreView> Stores);

/// <summary>A store.</summary>
/// <param name="Name">Its name in requests; <c>""</c> for the only store of a server.</param>
/// <param name="Title">The name to show.</param>
/// <param name="Quota">Its quota, if it has one.</param>
/// <param name="Count">What it contains.</param>
/// <param name="Verification">Its last verification, if there was one.</param>
internal sealed record StoreView(string Name, string Title, QuotaView? Quota, CountView Count, VerificationView? Verification);

/// <summary>A quota [bytes].</summary>
internal sealed record QuotaView(long? Limit, long? Used);

/// <summary>The content of a store. The figures are null before the first count.</summary>
internal sealed record CountView(
    bool IsRunning, long SoFar, string? Error, DateTime? Time, long? Items, long? Bytes, long? DeletedItems, long? DeletedBytes, DateTime? LastWrite)
{
    /// <summary>Returns how a count stands.</summary>
    public static CountView Of(StoreCount count)
    {
        var result = count.Result;
        return new(count.IsRunning, count.SoFar, count.Error, result?.Time, result?.Items, result?.Bytes, result?.DeletedItems, result?.DeletedBytes, result?.LastWrite);
    }
}

/// <summary>A verification.</summary>
internal sealed record VerificationView(
    string State, DateTime Started, DateTime? Ended, double Seconds, long Items, long Bytes, long? TotalItems, long? TotalBytes,
    long Problems, string? Error, IReadOnlyList<FindingView>? Findings);

/// <summary>A problem that a verification found.</summary>
internal sealed record FindingView(string Problem, string Name, string Reason);

/// <summary>What happens now. Only administrators get all of it.</summary>
internal sealed record LiveView(
    DateTime Time, bool HasStores, double Interval, TrafficSamples? Samples, IReadOnlyList<RunningTransfer> Transfers,
    IReadOnlyList<FailedLogin>? Logins, IReadOnlyList<LogEvent>? Errors);

/// <summary>The format of the page's requests and responses.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(LoginBody))]
[JsonSerializable(typeof(ErrorView))]
[JsonSerializable(typeof(SessionView))]
[JsonSerializable(typeof(StoresView))]
[JsonSerializable(typeof(VerificationView))]
[JsonSerializable(typeof(LiveView))]
internal sealed partial class PageJson : JsonSerializerContext;
