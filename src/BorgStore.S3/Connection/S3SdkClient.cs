using System.Runtime.CompilerServices;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.S3.Model;

namespace BorgStore.Backends.S3.Connection;

/// <summary>The SDK's client, limited to exceptions that <see cref="S3Errors"/> can explain. It reports the requests that the SDK repeats.</summary>
internal sealed class S3SdkClient : Amazon.S3.AmazonS3Client
{
    // The handlers read it later: the constructor of the base class makes them.
    private readonly RetryReport? _report;

    /// <summary>Initializes a client.</summary>
    /// <param name="credentials">The credentials to sign with.</param>
    /// <param name="config">The settings.</param>
    /// <param name="report">Receives the requests that are repeated.</param>
    public S3SdkClient(AWSCredentials credentials, Amazon.S3.AmazonS3Config config, RetryReport? report)
        : base(credentials, config)
        => _report = report;

    /// <inheritdoc/>
    protected override void CustomizeRuntimePipeline(RuntimePipeline pipeline)
    {
        base.CustomizeRuntimePipeline(pipeline);
        pipeline.AddHandlerAfter<RetryHandler>(new AttemptHandler(this));
        pipeline.AddHandler(new ResponseExceptionHandler());
    }

    // Called for each attempt, by the SDK's own handler that repeats requests.
    private sealed class AttemptHandler(S3SdkClient client) : PipelineHandler
    {
        private readonly ConditionalWeakTable<IRequestContext, Exception> _failures = [];

        public override async Task<T> InvokeAsync<T>(IExecutionContext executionContext)
        {
            if (client._report is not { } report) return await base.InvokeAsync<T>(executionContext).ConfigureAwait(false);
            var request = executionContext.RequestContext;
            if (request.Retries > 0 && _failures.TryGetValue(request, out var failure)) report(FindKey(request.OriginalRequest), request.Retries + 1, failure);
            try
            {
                return await base.InvokeAsync<T>(executionContext).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                _failures.AddOrUpdate(request, e);
                throw;
            }
        }

        private static string? FindKey(AmazonWebServiceRequest request) => request switch
        {
            GetObjectRequest get => get.Key,
            GetObjectMetadataRequest head => head.Key,
            PutObjectRequest put => put.Key,
            UploadPartRequest part => part.Key,
            InitiateMultipartUploadRequest upload => upload.Key,
            CompleteMultipartUploadRequest upload => upload.Key,
            CopyObjectRequest copy => copy.DestinationKey,
            CopyPartRequest copy => copy.DestinationKey,
            DeleteObjectRequest delete => delete.Key,
            _ => null,
        };
    }

    // The SDK trusts the form of responses: for a malformed number or a missing element, arbitrary exceptions of its parser get out.
    private sealed class ResponseExceptionHandler : PipelineHandler
    {
        public override async Task<T> InvokeAsync<T>(IExecutionContext executionContext)
        {
            try
            {
                return await base.InvokeAsync<T>(executionContext).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not (StoreException or OperationCanceledException) && !S3Errors.IsFailure(e))
            {
                throw S3Errors.InvalidResponse("it cannot be parsed", e);
            }
        }
    }
}
