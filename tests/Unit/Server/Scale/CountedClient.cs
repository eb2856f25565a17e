using System.Net.Http.Headers;
using System.Text;

namespace BorgStore.Tests.Server.Scale;

/// <summary>A request to a store.</summary>
/// <param name="User">The user who makes it.</param>
/// <param name="Operation">The operation, as the server names it in its metrics.</param>
/// <param name="Method">The method.</param>
/// <param name="Store">The name of the store.</param>
/// <param name="Name">The name of the item.</param>
/// <param name="Query">The query, with its question mark.</param>
internal sealed record ClientRequest(string User, string Operation, HttpMethod Method, string Store, string Name, string Query = "")
{
    private static readonly HashSet<string> Changes = ["store", "delete", "move", "create", "mkdir"];

    public bool IsChange => Changes.Contains(Operation);

    /// <summary>The new name of an item that is moved.</summary>
    public string NewName { get; init; } = "";

    /// <summary>The path after the name of the store, if it is not that of the item.</summary>
    public string? Path { get; init; }

    public byte[] Body { get; init; } = [];

    public (string Name, string Value)[] Headers { get; init; } = [];

    public override string ToString() => $"{Method} /{Store}{Path ?? "/" + Name}{Query} of {User}";
}

/// <summary>An answer, read to its end.</summary>
internal sealed record Answer(int Status, byte[] Body, long? Length)
{
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>A client that counts each of its requests exactly: nothing is repeated silently.</summary>
/// <param name="url">The URL of the server.</param>
/// <param name="user">The user.</param>
/// <param name="password">The password or token.</param>
/// <param name="counts">Where requests are counted.</param>
internal sealed class CountedClient(string url, string user, string password, RequestCounts counts) : IDisposable
{
    private static int _addresses;

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false })
    {
        Timeout = TimeSpan.FromMinutes(2),
    };

    // Failed logins slow down others from the same address.
    private readonly string _address = CreateAddress();

    public string User => user;

    /// <summary>The password or token; it may be replaced.</summary>
    public string Password { get; set; } = password;

    /// <summary>Returns an address that no other client has, to be told by a proxy.</summary>
    public static string CreateAddress()
    {
        var number = Interlocked.Increment(ref _addresses);
        return $"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}";
    }

    /// <summary>Sends a request and counts its answer.</summary>
    /// <param name="request">The request.</param>
    /// <param name="password">Another password than the client's.</param>
    /// <param name="address">Another address than the client's.</param>
    public async Task<Answer> SendAsync(ClientRequest request, string? password = null, string? address = null)
    {
        var uri = new Uri($"{url}/{request.Store}{request.Path ?? "/" + request.Name}{request.Query}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        // Without a content, the request would be repeated if the connection ended.
        using var message = new HttpRequestMessage(request.Method, uri) { Content = new ByteArrayContent(request.Body) };
        message.Headers.TryAddWithoutValidation("Accept", "application/vnd.x.borgstore.rest.v1");
        message.Headers.TryAddWithoutValidation("X-Forwarded-For", address ?? _address);
        message.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{password ?? Password}")));
        foreach (var (name, value) in request.Headers) message.Headers.TryAddWithoutValidation(name, value);
        using var response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
        var answer = new Answer((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(), response.Content.Headers.ContentLength);
        counts.Add(request, answer);
        return answer;
    }

    public void Dispose() => _http.Dispose();
}
