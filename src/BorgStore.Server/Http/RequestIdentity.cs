namespace BorgStore.Server.Http;

/// <summary>A request's user and store, in the features of its context: for logs and metrics. Each is set as soon as it is known,
/// also if the request is refused afterwards.</summary>
internal sealed class RequestIdentity
{
    /// <summary>The user who logged in; <see langword="null"/> if nobody did, or nobody has to.</summary>
    public string? User { get; set; }

    /// <summary>The name of the store, which need not exist; <see langword="null"/> on a server with one store.</summary>
    public string? Store { get; set; }
}
